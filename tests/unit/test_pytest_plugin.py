"""The plugin in suites of other teams: each test runs pytest on a small suite of its own."""

import importlib.metadata
import shutil
import tomllib

import pytest

import kerasmatrix.api
from tests.hostile.files import ACTIVE
from tests.real import ROOT
from tests.unit import fakes
from tests.unit.fakes import make_project
from tests.unit.inspection import files

pytest_plugins = ("pytester",)
# pytester forgets what a suite has imported: a second one would meet classes that are not its own.
assert kerasmatrix.api
NAME, MODULE = "kerasmatrix", "kerasmatrix.pytest_plugin"
CONFTEST = """
import pytest
from tests.unit.fakes import FakeEngine

ENGINE = FakeEngine()

@pytest.fixture(scope="session")
def kerasmatrix_engine():
    return ENGINE
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    """Return what runs a suite with a model file in it, in an environment of each name."""
    monkeypatch.setenv("KERASMATRIX_CACHE", str(pytester.path / "cache"))
    monkeypatch.syspath_prepend(ROOT)
    pytester.makeconftest(CONFTEST)
    files.hdf5_model(pytester.path / "model.h5")

    def run(test, *arguments, environments=("good",), **ini):
        for folder in ("scenarios", "images"):
            shutil.rmtree(pytester.path / folder, ignore_errors=True)
        make_project(pytester.path, *environments)
        pytester.makeini(
            "\n".join(["[pytest]", *(f"{key} = {value}" for key, value in ini.items())])
        )
        pytester.makepyfile("import pytest\n\n" + test)
        # Where the package was installed before it had this plugin, it is named.
        installed = importlib.metadata.entry_points(group="pytest11").select(value=MODULE)
        named = () if installed else ("-p", MODULE)
        return pytester.runpytest_inprocess("--strict-markers", *named, *arguments)

    return run


def marked(*environments, call='model_check("model.h5")'):
    names = ", ".join(map(repr, environments))
    return f"@pytest.mark.loads_in({names})\ndef test_it(model_check):\n    {call}\n"


def test_package_registers_plugin():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert told["project"]["entry-points"]["pytest11"] == {NAME: MODULE}


def test_model_check_loading_file_passes(suite):
    suite(marked("good", "good2"), environments=("good", "good2")).assert_outcomes(passed=1)


def test_model_check_failing_file_shows_cause_and_fix(suite):
    done = suite(
        marked("good", "fails-unless-rewrite-config"),
        environments=("good", "fails-unless-rewrite-config"),
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "*fail in fails-unless-rewrite-config (unknown-functional): model.h5: not good in 1*",
            "*fails-unless-rewrite-config: fail: unknown-functional: ValueError: Unknown layer*",
            "*verified fix: rewrite-config",
            "*kerasmatrix convert model.h5 --for fails-unless-rewrite-config --output-dir fixed",
        ]
    )
    # The plugin's own code is nobody's concern.
    assert "pytest_plugin.py" not in done.stdout.str()


def test_model_check_hostile_file_output_is_printable(suite, monkeypatch):
    monkeypatch.setitem(fakes.ERROR, "message", ACTIVE)
    done = suite(marked("fails"), environments=("fails",))
    said = done.stdout.str()
    assert "alert(1)" in said
    assert "\x1b]0;owned" not in said


def test_model_check_drift_fails(suite):
    done = suite(marked("good", "drifts"), environments=("good", "drifts"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*drifts: drift: *outputs differ*"])


def test_model_check_unavailable_skips_or_fails(suite):
    told = marked("good", "absent")
    done = suite(told, "-rs", environments=("good", "absent"))
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*model.h5 was not compared in absent: *no CPython*"])
    done = suite(told, "--kerasmatrix-require", environments=("good", "absent"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["model.h5 was not compared in absent: *no CPython*"])


def test_model_check_fail_precedes_unavailable(suite):
    done = suite(marked("good", "fails", "absent"), environments=("good", "fails", "absent"))
    done.assert_outcomes(failed=1)


def test_model_check_environments_as_argument(suite):
    call = 'model_check("model.h5", environments=["good2"])'
    done = suite(
        f"def test_it(model_check):\n    found = {call}\n"
        '    assert list(found.frame["environment"]) == ["good2"]\n',
        environments=("good", "good2"),
    )
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ('def test_it(model_check):\n    model_check("model.h5")\n', "*name the environments*"),
        (marked("god"), "*unknown environment 'god'*"),
        (marked("good", call='model_check("nothing.h5")'), "nothing.h5: there is no such file"),
    ],
)
def test_model_check_mistakes_have_message(suite, test, message):
    done = suite(test)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([message])
    assert "Traceback" not in done.stdout.str()


def test_model_check_trust_and_matrix_are_settings(suite, pytester):
    told = f"import conftest\nconftest.ENGINE.sandbox = False\n{marked('good')}"
    done = suite(told)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*not a sandbox*", "*kerasmatrix_trust = true*"])
    assert "During handling" not in done.stdout.str()
    (pytester.path / "elsewhere").mkdir()
    make_project(pytester.path / "elsewhere", "good9")
    done = suite(
        told.replace("good", "good9"), environments=("good2",), kerasmatrix_trust="true",
        kerasmatrix_matrix="elsewhere/matrix.yaml",
    )  # fmt: skip
    done.assert_outcomes(passed=1)


def test_plugin_unused_imports_nothing(pytester, monkeypatch):
    """In a process of its own, with nothing imported yet."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        "import sys\n\n"
        "def test_it():\n"
        "    heavy = {'kerasmatrix.api', 'pandas', 'docker', 'pydantic', 'h5py', 'numpy'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    with_it = pytester.runpytest_subprocess("-p", MODULE, "--strict-markers", "-Werror")
    with_it.assert_outcomes(passed=1)
    without = pytester.runpytest_subprocess("--strict-markers", "-Werror")

    def shown(done):
        return [line for line in done.outlines if not line.startswith("plugins:")
                and " in " not in line]  # fmt: skip

    assert shown(with_it) == shown(without)


def test_plugin_fixture_and_marker_are_listed(suite):
    done = suite("def test_it(): ...\n", "--fixtures")
    done.stdout.fnmatch_lines(["model_check*", "*fails the test if a model file does not load*"])
    done = suite("def test_it(): ...\n", "--markers", environments=("good2",))
    done.stdout.fnmatch_lines(["@pytest.mark.loads_in(*environments)*"])


def test_model_check_custom_objects_setting_is_a_default(suite, pytester):
    pytester.makepyfile(mine="class Gate: ...")
    done = suite(
        marked("good", "fails-unless-rewrite-config"),
        environments=("good", "fails-unless-rewrite-config"),
        kerasmatrix_custom_objects="mine.py",
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*--output-dir fixed --custom-objects *mine.py"])
