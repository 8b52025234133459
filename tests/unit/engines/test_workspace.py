import pytest

from kerasmatrix.engines.base import Task, WorkDirs
from kerasmatrix.engines.workspace import WorkerView


@pytest.fixture
def whole(tmp_path):
    made = WorkDirs(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
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


def test_worker_view_per_task_shows_one_file(whole):
    sight = WorkerView(whole, "tf2.4", per_task=True)
    assert seen(sight.dirs) == []
    sight.expose(task("one", "of-one"))
    assert seen(sight.dirs) == ["artifacts/of-one/probe.npz", "scenarios/one/given/model.h5"]
    sight.expose(task("other"))
    assert seen(sight.dirs) == ["scenarios/other/given/model.h5"]
    sight.expose(task("other", "of-other"))
    assert seen(sight.dirs) == ["artifacts/of-other/probe.npz", "scenarios/other/given/model.h5"]
    # Files that were shown are hard links; the original files remain.
    assert (whole.artifacts / "of-one" / "probe.npz").read_text() == "probe one"


def test_worker_view_whole_separates_scratch_only(whole):
    sights = [WorkerView(whole, name, per_task=False) for name in ("tf2.4", "tf2.5")]
    for sight in sights:
        sight.expose(task("one"))
        assert (sight.dirs.scenarios, sight.dirs.artifacts) == (whole.scenarios, whole.artifacts)
    assert sights[0].dirs.scratch != sights[1].dirs.scratch
    assert all(sight.dirs.scratch.is_dir() for sight in sights)
