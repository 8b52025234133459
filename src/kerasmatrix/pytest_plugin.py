"""A pytest plugin: a team's own suite asserts that its model files load where it says.

    @pytest.mark.loads_in("tf2.15", "tf2.18")
    def test_churn_model_lives_on(model_check):
        model_check("models/churn.h5")

Nothing but pytest is imported until a test asks for the fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from kerasmatrix.api import Checked
    from kerasmatrix.engines.base import Engine
    from kerasmatrix.results.schema import CellResult

__all__ = ["kerasmatrix_engine", "model_check"]

MARKER = "loads_in(*environments): the environments in which `model_check` loads a model file"
GOOD = {"pass", "degraded"}
SAYS_NOTHING = {"not-comparable", "infra", "not-run"}
TRUST = "use kerasmatrix_engine = docker, or write kerasmatrix_trust = true, in pytest.ini"
PathLike = str | os.PathLike[str]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; the environments' own are in ``pytest.ini``, since a team shares them."""
    group = parser.getgroup("kerasmatrix", "model files in other TensorFlow versions")
    group.addoption(
        "--kerasmatrix-require",
        action="store_true",
        help="An environment that cannot be had fails a test instead of skipping it.",
    )
    group.addoption("--kerasmatrix-engine", help="auto, docker or local.")
    parser.addini(
        "kerasmatrix_engine", "What opens environments: auto, docker or local.", default="auto"
    )
    parser.addini(
        "kerasmatrix_trust",
        "Load the models without a sandbox, too: they are the team's own.",
        type="bool",
        default=False,
    )
    parser.addini(
        "kerasmatrix_matrix", "The matrix.yaml with the environments; by default the bundled one."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def kerasmatrix_engine(pytestconfig: pytest.Config) -> str | Engine:
    """Return what opens environments: a name, or an engine where a suite brings its own."""
    told = pytestconfig.getoption("kerasmatrix_engine") or pytestconfig.getini("kerasmatrix_engine")
    return str(told)


@pytest.fixture
def model_check(
    request: pytest.FixtureRequest, kerasmatrix_engine: str | Engine
) -> Callable[..., Checked]:
    """Return a function that fails the test where a model file does not load.

    It is called with the file, and perhaps ``environments`` (by default those of the marker
    ``loads_in``), ``strict`` (a load that loses something fails, too), and ``custom_objects``,
    ``inputs`` and ``reference`` as `kerasmatrix.check` has them. It returns what that found.
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


def _check(  # noqa: PLR0913 - what a check takes
    config: pytest.Config,
    engine: str | Engine,
    file: PathLike,
    environments: tuple[str, ...],
    options: dict[str, Any],
    *,
    strict: bool,
) -> Checked:
    __tracebackhide__ = True
    from kerasmatrix import api, errors  # noqa: PLC0415 - a suite without models does without

    trouble: errors.KerasmatrixError | None = None
    matrix = config.getini("kerasmatrix_matrix")
    if matrix:
        options = {"matrix": config.rootpath / matrix, **options}
    try:
        found = api.check(
            file,
            environments=environments,
            engine=engine,
            trust=config.getini("kerasmatrix_trust"),
            # Several processes of one suite share the store.
            wait=lambda _: None,
            **options,
        )
    except errors.KerasmatrixError as error:
        trouble = error
    if isinstance(trouble, errors.InfrastructureError):
        _not_to_be_had(config, trouble.message)
    if isinstance(trouble, errors.UntrustedError):
        pytest.fail(f"{trouble.message}\n  {TRUST}", pytrace=False)
    if trouble is not None:
        hint = f"\n  {trouble.hint}" if trouble.hint else ""
        pytest.fail(f"{trouble.message}{hint}", pytrace=False)
    good = GOOD - ({"degraded"} if strict else set())
    cells = found.results.asked_for
    bad = [cell for cell in cells if cell.status not in good | SAYS_NOTHING]
    if bad:
        pytest.fail(_complaint(file, bad, len(cells), found), pytrace=False)
    absent = [cell for cell in cells if cell.status in SAYS_NOTHING]
    if absent:
        said = "; ".join(f"{cell.loaded_with}: {_first_line(cell.summary)}" for cell in absent)
        _not_to_be_had(config, f"{file} was not compared in {said}")
    return found


def _not_to_be_had(config: pytest.Config, reason: str) -> NoReturn:
    __tracebackhide__ = True
    if config.getoption("kerasmatrix_require"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def _complaint(file: PathLike, bad: Sequence[CellResult], cells: int, found: Checked) -> str:
    """Say where a file does not load, why, and what was seen to help."""
    from kerasmatrix.text.escape import visible  # noqa: PLC0415 - as above

    lines = [f"{file} does not come back as it was in {len(bad)} of {cells} environments:"]
    remedies = {remedy.id: remedy for remedy in found.results.remedies}
    for cell in bad:
        cause = f"{cell.cause}: " if cell.cause else ""
        lines.append(f"  {cell.loaded_with}: {cell.status}: {cause}{cell.summary}")
        helped = cell.repaired_by
        if helped is None:
            continue
        lines.append(f"    what was seen to help there: {helped.id}")
        for part in helped.id.split(" + "):
            lines += [f"      {line}" for line in remedies[part].code.splitlines()]
    return "\n".join(visible(line) for line in lines)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
