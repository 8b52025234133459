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


def test_the_package_says_that_it_has_a_plugin():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert told["project"]["entry-points"]["pytest11"] == {NAME: MODULE}


def test_a_file_that_loads_passes(suite):
    suite(marked("good", "good2"), environments=("good", "good2")).assert_outcomes(passed=1)


def test_a_file_that_does_not_load_fails_with_cause_and_remedy(suite):
    done = suite(
        marked("good", "fails-unless-rewrite-config"),
        environments=("good", "fails-unless-rewrite-config"),
    )
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "model.h5 does not come back as it was in 1 of 2 environments:",
            "*fails-unless-rewrite-config: fail: unknown-functional: ValueError: Unknown layer*",
            "*what was seen to help there: rewrite-config",
            "*keras.models.load_model(*",
        ]
    )
    # The plugin's own code is nobody's concern.
    assert "pytest_plugin.py" not in done.stdout.str()


def test_what_a_file_says_does_nothing_to_a_terminal(suite, monkeypatch):
    monkeypatch.setitem(fakes.ERROR, "message", ACTIVE)
    done = suite(marked("fails"), environments=("fails",))
    said = done.stdout.str()
    assert "alert(1)" in said
    assert "\x1b]0;owned" not in said


def test_numbers_that_change_fail(suite):
    done = suite(marked("good", "drifts"), environments=("good", "drifts"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*drifts: drift: *outputs differ*"])


def test_an_environment_that_cannot_be_had_skips_or_fails(suite):
    told = marked("good", "absent")
    done = suite(told, "-rs", environments=("good", "absent"))
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["*model.h5 was not compared in absent: *no CPython*"])
    done = suite(told, "--kerasmatrix-require", environments=("good", "absent"))
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["model.h5 was not compared in absent: *no CPython*"])


def test_what_fails_is_not_hidden_by_what_cannot_be_had(suite):
    done = suite(marked("good", "fails", "absent"), environments=("good", "fails", "absent"))
    done.assert_outcomes(failed=1)


def test_environments_can_be_named_in_the_call(suite):
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
def test_mistakes_get_a_message(suite, test, message):
    done = suite(test)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([message])
    assert "Traceback" not in done.stdout.str()


def test_trust_and_the_matrix_are_settings_of_the_suite(suite, pytester):
    told = f"import conftest\nconftest.ENGINE.sandbox = False\n{marked('good')}"
    done = suite(told)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*no sandbox*", "*kerasmatrix_trust = true*"])
    assert "During handling" not in done.stdout.str()
    (pytester.path / "elsewhere").mkdir()
    make_project(pytester.path / "elsewhere", "good9")
    done = suite(
        told.replace("good", "good9"), environments=("good2",), kerasmatrix_trust="true",
        kerasmatrix_matrix="elsewhere/matrix.yaml",
    )  # fmt: skip
    done.assert_outcomes(passed=1)


def test_a_suite_that_does_not_use_it_does_not_notice(pytester, monkeypatch):
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


def test_the_fixture_is_listed_with_what_it_does(suite):
    done = suite("def test_it(): ...\n", "--fixtures")
    done.stdout.fnmatch_lines(["model_check*", "*fails the test where a model file does not load*"])
    done = suite("def test_it(): ...\n", "--markers", environments=("good2",))
    done.stdout.fnmatch_lines(["@pytest.mark.loads_in(*environments)*"])
