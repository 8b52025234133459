"""A pytest plugin: a test asserts that model files load in certain environments.

    @pytest.mark.loads_in("tf2.15", "tf2.18")
    def test_churn_model_loads(model_check):
        model_check("models/churn.h5")

Only pytest is imported until a test uses the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from kerasmatrix.results.cells import INCONCLUSIVE, LOADS
from kerasmatrix.text.lines import first_line

if TYPE_CHECKING:
    from kerasmatrix.api import Checked
    from kerasmatrix.engines.base import Engine
    from kerasmatrix.results.schema import CellResult

__all__ = ["kerasmatrix_engine", "model_check"]

MARKER = "loads_in(*environments): the environments in which `model_check` loads a model file"
TRUST = "use kerasmatrix_engine = docker, or write kerasmatrix_trust = true, in pytest.ini"
PathLike = str | os.PathLike[str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the settings in ``pytest.ini`` are those that a team shares."""
    group = parser.getgroup("kerasmatrix", "model files in other TensorFlow versions")
    group.addoption(
        "--kerasmatrix-require",
        action="store_true",
        help="Unavailable environments fail a test instead of skipping it.",
    )
    group.addoption("--kerasmatrix-engine", help="auto, docker or local.")
    parser.addini(
        "kerasmatrix_engine", "Where TensorFlow runs: auto, docker or local.", default="auto"
    )
    parser.addini(
        "kerasmatrix_trust",
        "I trust the models: load them without a sandbox, too.",
        type="bool",
        default=False,
    )
    parser.addini(
        "kerasmatrix_matrix", "The matrix.yaml with the environments; by default the bundled one."
    )
    parser.addini(
        "kerasmatrix_custom_objects", "The module with the models' custom classes and functions."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def kerasmatrix_engine(pytestconfig: pytest.Config) -> str | Engine:
    """Return the engine's name; a suite can override this with an engine of its own."""
    option = pytestconfig.getoption("kerasmatrix_engine")
    return str(option or pytestconfig.getini("kerasmatrix_engine"))


@pytest.fixture
def model_check(
    request: pytest.FixtureRequest, kerasmatrix_engine: str | Engine
) -> Callable[..., Checked]:
    """Return a function that fails the test if a model file does not load.

    Its arguments are the file, ``environments`` (by default those of the marker ``loads_in``),
    ``strict`` (a load that loses something fails, too), and ``custom_objects``, ``inputs`` and
    ``reference`` of `kerasmatrix.check`, whose result it returns.
    """

    def check_model(
        file: PathLike,
        *,
        environments: Sequence[str] = (),
        strict: bool = False,
        **options: Any,  # noqa: ANN401 - those of `kerasmatrix.check`
    ) -> Checked:
        __tracebackhide__ = True
        wanted = tuple(environments) or _marked(request.node)
        if not wanted:
            pytest.fail(
                'name the environments: @pytest.mark.loads_in("tf2.15", "tf2.18")', pytrace=False
            )
        return _check(request.config, kerasmatrix_engine, file, wanted, options, strict=strict)

    return check_model


def _marked(node: pytest.Item) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(n) for m in node.iter_markers("loads_in") for n in m.args))


def _check(  # noqa: PLR0913 - a check needs these
    config: pytest.Config,
    engine: str | Engine,
    file: PathLike,
    environments: tuple[str, ...],
    options: dict[str, Any],
    *,
    strict: bool,
) -> Checked:
    __tracebackhide__ = True
    from kerasmatrix import api, errors  # noqa: PLC0415 - slow to import, and not always needed

    failure: errors.KerasmatrixError | None = None
    matrix = config.getini("kerasmatrix_matrix")
    if matrix:
        options = {"matrix": config.rootpath / matrix, **options}
    code = config.getini("kerasmatrix_custom_objects")
    if code:
        options = {"custom_objects": config.rootpath / code, **options}
    try:
        checked = api.check(
            file,
            environments=environments,
            engine=engine,
            trust=config.getini("kerasmatrix_trust"),
            # Several processes of one suite share the store.
            wait=lambda _: None,
            **options,
        )
    except errors.KerasmatrixError as error:
        failure = error
    if isinstance(failure, errors.InfrastructureError):
        _unavailable(config, failure.message)
    if isinstance(failure, errors.UntrustedError):
        pytest.fail(f"{failure.message}\n  {TRUST}", pytrace=False)
    if failure is not None:
        hint = f"\n  {failure.hint}" if failure.hint else ""
        pytest.fail(f"{failure.message}{hint}", pytrace=False)
    good = LOADS - ({"degraded"} if strict else set())
    cells = checked.results.asked_for
    bad = [cell for cell in cells if cell.status not in good | INCONCLUSIVE]
    if bad:
        code = options.get("custom_objects")
        report = _report(file, bad, len(cells), checked, os.fspath(code) if code else None)
        pytest.fail(report, pytrace=False)
    missing = [cell for cell in cells if cell.status in INCONCLUSIVE]
    if missing:
        reasons = "; ".join(f"{cell.loaded_with}: {first_line(cell.summary)}" for cell in missing)
        _unavailable(config, f"{file} was not compared in {reasons}")
    return checked


def _unavailable(config: pytest.Config, reason: str) -> NoReturn:
    __tracebackhide__ = True
    if config.getoption("kerasmatrix_require"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _report(
    file: PathLike,
    bad: Sequence[CellResult],
    cells: int,
    checked: Checked,
    code: str | None,
) -> str:
    """Return where and why a file does not load, and the verified fixes."""
    from kerasmatrix.files.conversion_plan import is_program_code  # noqa: PLC0415 - as above
    from kerasmatrix.report.file_verdict import convert_command  # noqa: PLC0415
    from kerasmatrix.text.escape import escape_control_characters  # noqa: PLC0415

    first = bad[0]
    cause = f" ({first.cause})" if first.cause else ""
    # pytest shows the beginning of the first line in its summary.
    summary = f"{first.status} in {first.loaded_with}{cause}: {file}"
    lines = [f"{summary}: not good in {len(bad)} of {cells} environments"]
    remedies = {remedy.id: remedy for remedy in checked.results.remedies}
    for cell in bad:
        cause = f"{cell.cause}: " if cell.cause else ""
        lines.append(f"  {cell.loaded_with}: {cell.status}: {cause}{cell.summary}")
        fix = cell.repaired_by
        if fix is None:
            continue
        command = convert_command(os.fspath(file), cell.loaded_with, code)
        lines += [f"    verified fix: {fix.id}", f"      {command}"]
        if not is_program_code(fix.id):
            continue
        lines.append("    or in a program:")
        for part in fix.id.split(" + "):
            lines += [f"      {line}" for line in remedies[part].code.splitlines()]
    return "\n".join(escape_control_characters(line) for line in lines)
