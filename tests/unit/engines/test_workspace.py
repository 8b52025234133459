import pytest

from kerasmatrix.engines.base import Task, Workplace
from kerasmatrix.engines.workspace import Sight


@pytest.fixture
def whole(tmp_path):
    made = Workplace(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
    for folder in (made.scenarios, made.artifacts, made.scratch):
        folder.mkdir()
    for name in ("one", "other"):
        (made.scenarios / name / "given").mkdir(parents=True)
        (made.scenarios / name / "given" / "model.h5").write_text(f"model {name}")
        (made.artifacts / f"of-{name}").mkdir()
        (made.artifacts / f"of-{name}" / "probe.npz").write_text(f"probe {name}")
    return made


def task(scenario, artifact=None):
    return Task("task-1", "load", scenario, "h5", artifact, 1.0, 1)


def seen(place):
    return sorted(
        str(path.relative_to(place.scratch.parent))
        for folder in (place.scenarios, place.artifacts)
        for path in folder.rglob("*")
        if path.is_file()
    )


def test_of_the_files_of_others_a_worker_sees_one_at_a_time(whole):
    sight = Sight(whole, "tf2.4", narrow=True)
    assert seen(sight.place) == []
    sight.turn_to(task("one", "of-one"))
    assert seen(sight.place) == ["artifacts/of-one/probe.npz", "scenarios/one/given/model.h5"]
    sight.turn_to(task("other"))
    assert seen(sight.place) == ["scenarios/other/given/model.h5"]
    sight.turn_to(task("other", "of-other"))
    assert seen(sight.place) == ["artifacts/of-other/probe.npz", "scenarios/other/given/model.h5"]
    # What was shown is a second name of what is there, which stays.
    assert (whole.artifacts / "of-one" / "probe.npz").read_text() == "probe one"


def test_ones_own_files_are_all_there_and_each_worker_writes_in_a_folder_of_its_own(whole):
    sights = [Sight(whole, name, narrow=False) for name in ("tf2.4", "tf2.5")]
    for sight in sights:
        sight.turn_to(task("one"))
        assert (sight.place.scenarios, sight.place.artifacts) == (whole.scenarios, whole.artifacts)
    assert sights[0].place.scratch != sights[1].place.scratch
    assert all(sight.place.scratch.is_dir() for sight in sights)
