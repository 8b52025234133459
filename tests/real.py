"""Measures with real TensorFlow, on whichever engine, and checks what is known to be so.

The headline facts are the same on every engine; only what opens the environments differs.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from kerasmatrix.config.matrix import Limits, load_matrix
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.build_plan import build_plan
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.listener import Listener
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import CellResult, Results, RunInfo
from kerasmatrix.store.store import Store

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ("tf2.2", "tf2.4", "tf2.16")
REPAIRED = ("tf2.2", "tf2.15", "tf2.21")  # between them nearly every cause can be seen


def local_engine(*names: str) -> LocalEngine:
    """Return the local engine with environments made; skip the test where they cannot be."""
    engine = LocalEngine()
    matrix = load_matrix(ROOT / "matrix.yaml")
    try:
        for name in names:
            environment = matrix.environments[name]
            engine.prepare(environment, read_lock(ROOT / "images" / "locks", environment))
    except InfrastructureError as error:
        if os.environ.get("KERASMATRIX_REQUIRE_TENSORFLOW"):
            raise
        pytest.skip(f"no environments for real TensorFlow: {error.message}")
    return engine


def measure(
    engine: Engine,
    store: Path,
    *,
    scenarios: tuple[str, ...],
    formats: tuple[str, ...] = ("h5",),
    environments: tuple[str, ...] = ENVIRONMENTS,
    folder: Path = ROOT / "scenarios",
    limits: Limits | None = None,
    remedies: Literal["none", "first", "all"] = "none",
    columns: tuple[str, ...] = (),
    infer: bool = True,
    listener: Listener | None = None,
) -> Results:
    """Run the scenarios in ``folder`` and return the results."""
    matrix = load_matrix(ROOT / "matrix.yaml")
    selection = matrix.select(environments=environments, formats=formats)
    selection = selection.model_copy(update={"scenarios": scenarios})
    plan = build_plan(
        matrix,
        selection,
        {name: load_scenario(folder / name) for name in scenarios},
        {env.name: read_lock(ROOT / "images" / "locks", env) for env in selection.environments},
        engine,
        columns=columns,
        remedies=remedies,
    )
    plan = dataclasses.replace(plan, limits=limits or matrix.limits, infer=infer)
    now = datetime.datetime.now(datetime.UTC)
    with Store(store) as opened:
        run = Run(plan, engine, opened, id="test", listener=listener)
        state = run.execute()
    info = RunInfo(
        id="test", started=now, finished=now, engine=engine.name, command="test",
        complete=run.complete, measured=run.measured, known=run.known,
        retries=run.retries,
    )  # fmt: skip
    return tabulate(state, info)


def cell(results: Results, *key: str) -> CellResult:
    """Return the cell (scenario, format, saved with, loaded with)."""
    return next(
        cell
        for cell in results.cells
        if (cell.scenario, cell.format, cell.saved_with, cell.loaded_with) == key
    )


class OnePairAtATime:
    """Measures, when one of ``cases`` is asked for, all of them that it goes together with.

    A case is scenario, format, saved with, loaded with, and more; ``together`` returns what is
    equal of those that are measured at once.
    """

    def __init__(
        self,
        engine: Engine,
        store: Path,
        cases: Sequence[tuple[Any, ...]],
        together: Callable[[tuple[Any, ...]], Hashable],
        folder: Path = ROOT / "scenarios",
    ) -> None:
        self._engine = engine
        self._store = store
        self._cases = cases
        self._together = together
        self._folder = folder
        self._known: dict[Hashable, Results] = {}

    def __call__(self, *key: str) -> CellResult:
        """Return the cell (scenario, format, saved with, loaded with), repaired if it can be."""
        wanted = self._together(key)
        if wanted not in self._known:
            cases = [case for case in self._cases if self._together(case) == wanted]
            _, _, saved, loaded = key
            self._known[wanted] = measure(
                self._engine,
                self._store,
                scenarios=tuple(dict.fromkeys(case[0] for case in cases)),
                formats=tuple(dict.fromkeys(case[1] for case in cases)),
                environments=tuple(dict.fromkeys((saved, loaded))),
                folder=self._folder,
                columns=(loaded,),
                remedies="first",
            )
        return cell(self._known[wanted], *key)


HEADLINES = [
    # The symptom that gave the project its reason to be.
    (("import_path", "h5", "tf2.4", "tf2.2"), Status.FAIL, "Unknown layer: Functional"),
    (("import_path", "h5", "tf2.4", "tf2.4"), Status.PASS, ""),
    (("import_path", "h5", "tf2.2", "tf2.4"), Status.PASS, ""),
    (("import_path", "h5", "tf2.4", "tf2.16"), Status.PASS, ""),
    (("import_path", "h5", "tf2.16", "tf2.4"), Status.FAIL, "batch_shape"),
    (("import_path", "h5", "tf2.16", "tf2.16"), Status.PASS, ""),
    (("import_path", "keras", "tf2.16", "tf2.16"), Status.PASS, ""),
    # To TensorFlow 2.4 a file called .keras is HDF5, and it writes one that Keras 3 refuses.
    (("import_path", "keras", "tf2.16", "tf2.4"), Status.FAIL, "SavedModel file does not exist"),
    (("import_path", "keras", "tf2.4", "tf2.4"), Status.PASS, ""),
    (("import_path", "keras", "tf2.4", "tf2.16"), Status.FAIL, "accessible `.keras` zip file"),
    (("import_path", "savedmodel", "tf2.4", "tf2.4"), Status.PASS, ""),
    # `load_model` of Keras 3 loads no SavedModel, not even its own export.
    (("import_path", "savedmodel", "tf2.4", "tf2.16"), Status.FAIL, "File format not supported"),
    (("import_path", "savedmodel", "tf2.16", "tf2.16"), Status.FAIL, "File format not supported"),
    (("import_path", "weights", "tf2.4", "tf2.2"), Status.PASS, ""),
    # Before 2.11 the example, written as it is, cannot even be saved.
    (("missing_custom_layer", "h5", "tf2.4", "tf2.4"), Status.SAVE_FAILED, "get_config"),
    (("missing_custom_layer", "h5", "tf2.16", "tf2.16"), Status.FAIL,
     "Unknown layer: 'MyCustomLayer'"),
    # An unnamed weight, as in the example, cannot be written into a SavedModel by Keras 2.
    (("missing_custom_layer", "savedmodel", "tf2.4", "tf2.4"), Status.SAVE_FAILED, "NoneType"),
    # The LSTM of `tf.compat.v1.keras` has another default recurrent activation.
    (("v1_vs_v2_compat_keras", "weights", "tf2.4", "tf2.4"), Status.DRIFT, "outputs differ"),
    (("v1_vs_v2_compat_keras", "h5", "tf2.4", "tf2.4"), Status.PASS, ""),
    (("v1_vs_v2", "weights", "tf2.4", "tf2.4"), Status.PASS, ""),
    (("v1_vs_v2", "h5", "tf2.4", "tf2.4"), Status.PASS, ""),
]  # fmt: skip


def check_headlines(results: Results) -> None:
    """Assert every headline, and that passing cells have really been compared."""
    for key, status, words in HEADLINES:
        found = cell(results, *key)
        assert (found.status, words in found.summary) == (status, True), (key, found.summary)
        if status is Status.PASS:
            assert found.weights_equal is True
            assert found.max_abs_diff is not None
            assert found.max_abs_reference
    assert results.run.complete
    assert not [cell for cell in results.cells if cell.status in {Status.INFRA, Status.NOT_RUN}]
