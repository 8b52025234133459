"""`kerasmatrix bisect` on environments that break from a version on, and a made-up index."""

import importlib
import json

import pytest

from kerasmatrix import cli
from kerasmatrix.environments import ad_hoc
from kerasmatrix.environments.index import newest_of
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.versions import version_key
from tests.hostile.files import ACTIVE
from tests.unit.behaviours import (
    ABSENT,
    CRASHES,
    DRIFTS,
    ERROR,
    FAILS,
    GOOD,
    Behaviour,
    error_of,
)
from tests.unit.fakes import VersionedEngine, make_project
from tests.unit.inspection import files

RELEASES = [f"2.{minor}.{patch}" for minor in range(1, 10) for patch in range(4)]


@pytest.fixture
def engine():
    return VersionedEngine()


@pytest.fixture
def index():
    return list(RELEASES)


@pytest.fixture
def bisect(tmp_path, engine, index, monkeypatch, capsys):
    """Return what `kerasmatrix bisect` answers with nine minors: code, JSON, text."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    setups = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(setups, "open_engine", lambda *_: engine)

    def ask(requirement, *, matrix, python, as_of, pre):
        if not index:
            raise InfrastructureError("the package index cannot be asked")
        _, _, bounds = requirement.partition("<")
        below, _, least = bounds.partition(",>=")
        fit = [each for each in index
               if version_key(least) <= version_key(each) < version_key(below)]  # fmt: skip
        return newest_of(fit) if fit else None

    def resolve(matrix, environment, folder):
        path = folder / f"{environment.name}.txt"
        path.write_text(f"tensorflow-cpu=={environment.tensorflow}\nnumpy==1.0\n")
        return path

    monkeypatch.setitem(Bisector.__init__.__kwdefaults__, "ask", ask)
    monkeypatch.setattr(ad_hoc, "resolve", resolve)
    make_project(tmp_path, *(f"tf2.{minor}" for minor in range(1, 10)))
    model = files.hdf5_model(tmp_path / "model.h5")

    def call(*arguments, file=model):
        with pytest.raises(SystemExit) as left:
            cli.main(["bisect", str(file), *arguments])
        said = capsys.readouterr()
        told = json.loads(said.out) if "--json" in arguments and said.out else None
        return left.value.code, told, said.out + said.err

    return call


def looked_at(told):
    return [look["environment"] for look in told["looks"]]


def test_bisect_first_bad_release_is_found(bisect, engine):
    engine.since = {"2.6.2": FAILS}
    code, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert code == 0
    # The matrix has 2.6.0; the patch release with which it breaks, it does not.
    assert (told["last_good"]["tensorflow"], told["first_bad"]["tensorflow"]) == ("2.6.1", "2.6.2")
    assert (told["last_good"]["status"], told["first_bad"]["status"]) == ("pass", "fail")
    assert told["first_bad"]["cause"] == "unknown-functional"
    assert told["first_bad"]["made"]
    assert told["releases"] == [{
        "package": "tensorflow", "older": "2.6.1", "newer": "2.6.2",
        "notes": "https://github.com/tensorflow/tensorflow/releases/tag/v2.6.2",
    }]  # fmt: skip
    # Nine minors and then three patches take ends, log2 8, and log2 4.
    assert told["loads"] == len(told["looks"]) == 2 + 3 + 2
    assert told["candidates"] == 9 + 3
    assert not told["skipped"]


def test_bisect_older_end_may_be_bad(bisect, engine):
    engine.since = {"2.1.0": FAILS, "2.3.1": GOOD}
    code, told, _ = bisect("--good", "tf2.4", "--bad", "tf2.2", "--json")
    assert code == 0
    assert (told["last_good"]["tensorflow"], told["first_bad"]["tensorflow"]) == ("2.3.1", "2.3.0")
    assert [(each["older"], each["newer"]) for each in told["releases"]] == [("2.3.0", "2.3.1")]


def test_bisect_second_run_measures_nothing(bisect, engine, index):
    engine.since = {"2.6.2": FAILS}
    arguments = ("--good", "tf2.1", "--bad", "tf2.9", "--json")
    _, before, _ = bisect(*arguments)
    opened = len(engine.workers)
    assert before["measured"] > 0
    index.clear()  # not even the index is asked
    _, after, _ = bisect(*arguments)
    assert len(engine.workers) == opened
    assert after == {**before, "measured": 0}


def test_bisect_each_version_is_opened_once(bisect, engine):
    engine.since = {"2.6.2": FAILS}
    _, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert sorted(worker.name for worker in engine.workers) == sorted(looked_at(told))


def test_bisect_drift_is_bad(bisect, engine):
    engine.since = {"2.5.0": DRIFTS}
    _, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert told["first_bad"]["tensorflow"] == "2.5.0"
    assert told["first_bad"]["status"] == "drift"


def test_bisect_unavailable_versions_are_skipped(bisect, engine):
    engine.since = {"2.6.0": ABSENT, "2.7.0": FAILS}
    code, told, out = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert code == 0
    assert (told["last_good"]["tensorflow"], told["first_bad"]["tensorflow"]) == ("2.5.3", "2.7.0")
    assert told["skipped"] == ["tf2.6", "tf2.6.1", "tf2.6.2", "tf2.6.3"]
    skipped = [look for look in told["looks"] if look["finding"] == "skipped"]
    assert {look["status"] for look in skipped} == {"infra"}
    assert told["loads"] == len(told["looks"]) - len(skipped)
    _, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9")
    assert "skipped, because unavailable: tf2.6, tf2.6.1, tf2.6.2, tf2.6.3;" in out


def test_bisect_release_without_lock_is_skipped(bisect, engine, monkeypatch):
    engine.since = {"2.6.2": FAILS}
    whole = ad_hoc.resolve

    def resolve(matrix, environment, folder):
        if environment.tensorflow == "2.6.2":
            raise InfrastructureError("no space\nat all")
        return whole(matrix, environment, folder)

    monkeypatch.setattr(ad_hoc, "resolve", resolve)
    _, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert (told["last_good"]["tensorflow"], told["first_bad"]["tensorflow"]) == ("2.6.1", "2.6.3")
    assert told["skipped"] == ["tf2.6.2"]


def test_bisect_unreachable_index_uses_matrix_only(bisect, engine, index):
    index.clear()
    engine.since = {"2.6.2": FAILS}
    code, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert code == 0
    assert (told["last_good"]["tensorflow"], told["first_bad"]["tensorflow"]) == ("2.6.0", "2.7.0")
    assert "single releases were not tried" in told["notes"][0]


def test_bisect_within_matrix(bisect, engine):
    engine.since = {"2.6.2": FAILS}
    _, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--within-matrix", "--json")
    assert told["first_bad"]["environment"] == "tf2.7"
    assert told["candidates"] == 9
    assert not any(look["made"] for look in told["looks"])


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ({"2.1.0": FAILS}, "--good tf2.1 is bad: fail, cause unknown-functional"),
        ({}, "--bad tf2.9 is good: pass: same weights, same outputs"),
    ],
)
def test_bisect_wrong_end_is_usage_error(bisect, engine, since, message):
    engine.since = since
    code, told, out = bisect("--good", "tf2.1", "--bad", "tf2.9", "--json")
    assert (code, told) == (2, None)
    assert message in out


def test_bisect_unavailable_end_is_code_3(bisect, engine):
    engine.since = {"2.9.0": ABSENT}
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9")
    assert code == 3
    assert "--bad tf2.9: environment unavailable" in out


def test_bisect_text_output(bisect, engine):
    engine.since = {"2.6.2": FAILS, "2.8.0": CRASHES}
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9")
    assert code == 0
    assert "first bad release: tensorflow 2.6.2" in out
    assert "last good: tf2.6.1: pass: same weights, same outputs" in out
    assert "first bad: tf2.6.2: fail: unknown-functional: ValueError: Unknown layer" in out
    assert "releases/tag/v2.6.2" in out
    assert "--bad fails for another reason: tf2.9: crash" in out
    assert "Tried 7 of 12 versions" in out
    assert "good     tf2.5: pass" in out


def test_bisect_downwards_text_is_in_version_order(bisect, engine):
    engine.since = {"2.1.0": FAILS, "2.6.2": GOOD}
    _, told, _ = bisect("--good", "tf2.9", "--bad", "tf2.1", "--json")
    assert told["downwards"]
    code, _, out = bisect("--good", "tf2.9", "--bad", "tf2.1")
    assert code == 0
    assert "first good release: tensorflow 2.6.2" in out
    bad = out.index("last bad: tf2.6.1: fail: unknown-functional")
    assert bad < out.index("first good: tf2.6.2: pass")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--good", "tf2.1", "--bad", "tf2.1"), "both --good and --bad"),
        (("--good", "tf2.1", "--bad", "tf2.99"), "--bad: unknown environment 'tf2.99'"),
    ],
)
def test_bisect_mistakes_have_message(bisect, engine, arguments, message):
    code, _, out = bisect(*arguments)
    assert code == 2
    assert message in out
    assert not engine.workers


def test_bisect_not_a_model_is_refused(bisect, tmp_path):
    (tmp_path / "notes.h5").write_text("notes")
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9", file=tmp_path / "notes.h5")
    assert code == 2
    assert "is a text file" in out


@pytest.mark.parametrize("folder", ["/", "/proc", "/dev"])
def test_bisect_folder_without_model_is_usage_error(bisect, engine, folder):
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9", file=folder)
    assert code == 2
    assert f"{folder}: is a folder without a model" in out
    assert not engine.workers


def test_bisect_strict_loss_is_bad(bisect, engine):
    lossy = {"resave_error": error_of("ValueError", "no")}
    engine.since = {"2.6.2": Behaviour(differs=lossy)}
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9")
    assert code == 2
    assert "--bad tf2.9 is good: degraded" in out
    _, told, _ = bisect("--good", "tf2.1", "--bad", "tf2.9", "--strict", "--json")
    assert told["first_bad"]["tensorflow"] == "2.6.2"


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_bisect_hostile_file_output_is_printable(bisect, engine, monkeypatch, more):
    engine.since = {"2.6.2": FAILS}
    monkeypatch.setitem(ERROR, "message", ACTIVE)
    code, _, out = bisect("--good", "tf2.1", "--bad", "tf2.9", *more)
    assert code == 0
    assert "alert(1)" in out
    assert not [each for each in out if not each.isprintable() and each != "\n"]
