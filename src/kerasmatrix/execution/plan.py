"""The plan of a run: a pure function of the matrix, the scenarios and the locks.

It knows the keys under which observations are filed, which cells a version cannot take part in
by declaration, and the order of work. It runs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from kerasmatrix.config.matrix import Environment, Limits, Selection
from kerasmatrix.config.scenario import Scenario
from kerasmatrix.environments.identity import identity_of
from kerasmatrix.environments.keras_version import keras_major, release_of
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.platforms import can_install
from kerasmatrix.environments.variables import lasting_variables
from kerasmatrix.execution.bridges import Chain, Hop
from kerasmatrix.harness.backend import PREDICT_ONLY
from kerasmatrix.results.cells import Cell, Save
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.observations import LoadObservation, Observation, SaveFacts
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import Verdict, judge_load
from kerasmatrix.store.origins import CHECKED_FILE, Origin, scenario_of, short
from kerasmatrix.versions import minor_of

__all__ = ["Plan", "Remedies", "Save", "environment_digest"]

# The fix that changes weights so that the outputs stay the same.
RESCALES = "scale-gates"
Remedies = Literal["none", "first", "all"]


@dataclass(frozen=True)
class Plan:
    """A selection with everything its cells depend on.

    Args:
        selection: the environments, scenarios and formats.
        scenarios: by name.
        locks: by environment.
        engine: the name of the engine.
        harness: the digest of the code that runs in environments, without that of fixes.
        limits: of time and memory.
        tolerance: how far outputs may differ.
        columns: if given, only these environments load; known results of others are shown.
        repair: the digest of the code of fixes.
        remedies: which fixes are tried in failing cells: none, until one is verified, or all.
        shard: if given, only these scenarios are measured; the others are another run's.
        rows: if given, the only rows: files from elsewhere are not saved by all versions.
        infer: whether one of several equal files stands for the others.
        recipe: how the engine creates environments.
        chains: chains to try in a cell, whatever its status, instead of those that might fix it.
        reference_fixes: fixes with which the reference loads a file that was saved elsewhere.
        present_for: the scenarios of environments that are not there for all.
        platform: if given, fixes do not go by way of versions without wheels for it.
    """

    selection: Selection
    scenarios: Mapping[str, Scenario]
    locks: Mapping[str, Lock]
    engine: str
    harness: str
    limits: Limits
    tolerance: Tolerance
    columns: frozenset[str] | None = None
    repair: str = ""
    remedies: Remedies = "first"
    shard: frozenset[str] | None = None
    rows: tuple[Save, ...] | None = None
    infer: bool = True
    recipe: str = ""
    chains: Mapping[Cell, tuple[Chain, ...]] = field(default_factory=dict)
    reference_fixes: Mapping[Save, tuple[str, ...]] = field(default_factory=dict)
    present_for: Mapping[str, frozenset[str]] = field(default_factory=dict)
    platform: str | None = None

    @property
    def has_cells(self) -> bool:
        """Whether anything is loaded: a plan with no columns at all only has saves."""
        return self.columns != frozenset()

    def cells(self) -> Iterator[Cell]:
        """Yield every selected cell in table order; see `has_cells`."""
        if not self.has_cells:
            return
        for save in self.saves():
            for reader in self.selection.environments:
                yield Cell(*save, reader.name)

    def saves(self) -> Iterator[Save]:
        """Yield every selected row in table order."""
        if self.rows is not None:
            yield from self.rows
            return
        for scenario in self.selection.scenarios:
            for form in self.selection.formats:
                for writer in self.selection.environments:
                    if FORMATS[form].has_rows(writer.tensorflow):
                        yield Save(scenario, form, writer.name)

    @property
    def bridges(self) -> tuple[str, ...]:
        """The environments by way of which a fix may go, oldest first."""
        return tuple(
            env.name
            for env in self.selection.environments
            if env.is_release
            and not (self.platform and can_install(env.tensorflow or "", self.platform) is False)
        )

    def keras_major(self, environment: str) -> int:
        """Return which Keras ``tf.keras`` is in an environment: 2 or 3."""
        return keras_major(self.environment(environment), self.locks[environment])

    def keras_release(self, environment: str) -> str:
        """Return the release of Keras that ``tf.keras`` is in an environment: ``2.15``, ``3.4``."""
        return release_of(self.environment(environment), self.locks[environment])

    def asked_for(self, cell: Cell) -> bool:
        """Whether this run is to measure ``cell`` if it is not known."""
        wanted = self.columns is None or cell.loaded_with in self.columns
        present_for = self.present_for.get(cell.loaded_with)
        is_present = present_for is None or cell.scenario in present_for
        return wanted and is_present and self.in_shard(cell)

    def in_shard(self, of: Save | Cell) -> bool:
        """Whether a row or cell is this run's, and not another shard's."""
        return self.shard is None or of.scenario in self.shard

    def environment(self, name: str) -> Environment:
        """Return a selected environment by its name."""
        return self._environments[name]

    def _environment_digest(self, environment: str) -> str:
        digest = self._digests.get(environment)
        if digest is None:
            env, lock = self.environment(environment), self.locks[environment]
            digest = self._digests[environment] = environment_digest(env, lock, self.recipe)
        return digest

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {}

    def origin(self, environment: str, scenario: str, *, with_repair: bool) -> Origin:
        """Return the parts of the key of a measurement.

        Args:
            environment: where it was measured.
            scenario: the scenario that was measured.
            with_repair: whether the code of fixes took part.
        """
        is_given, digest = self.scenarios[scenario].given, self.scenarios[scenario].digest
        return Origin(
            engine=self.engine,
            environment=short(self._environment_digest(environment)),
            scenario=CHECKED_FILE if is_given else scenario_of(scenario, digest),
            harness=short(self.harness),
            repair=short(self.repair) if with_repair else "",
        )

    @cached_property
    def _environments(self) -> dict[str, Environment]:
        return {env.name: env for env in self.selection.environments}

    def legacy_twin(self, environment: str) -> str | None:
        """Return the environment with the same TensorFlow minor and tf_keras for Keras, if any."""
        own = self.environment(environment)
        minor = minor_of(own.tensorflow or "")
        for name, other in self._environments.items():
            legacy = other.legacy_keras and not own.legacy_keras
            if legacy and minor_of(other.tensorflow or "") == minor:
                return name
        return None

    def cannot_save(self, save: Save) -> str | None:
        """Return why this save is unsupported by declaration, or None."""
        return self._unsupported(save.scenario, save.format, save.saved_with, "save")

    def cannot_load(self, cell: Cell) -> str | None:
        """Return why this cell is unsupported by declaration (of either side), or None."""
        return self.cannot_save(cell.save) or self._unsupported(
            cell.scenario, cell.format, cell.loaded_with, "load"
        )

    def save_key(self, save: Save) -> str:
        """Return the key of the observation of ``save``."""
        remedies = self.reference_fixes.get(save, ())
        more = (self.repair, *remedies) if remedies else ()
        return self._key("save", save.scenario, save.format, save.saved_with, *more)

    def load_key(self, cell: Cell, artifact: str) -> str:
        """Return the key of ``cell``, given the digest of what its save left."""
        return self._key("load", cell.scenario, cell.format, cell.loaded_with, artifact)

    def attempt_key(self, cell: Cell, artifact: str, remedies: tuple[str, ...]) -> str:
        """Return the key of a load of ``cell`` with ``remedies``."""
        parts = ("attempt", cell.scenario, cell.format, cell.loaded_with, artifact)
        return self._key(*parts, self.repair, *remedies)

    def probe_key(self, cell: Cell, artifact: str) -> str:
        """Return the key of the layer probe of ``cell``."""
        parts = ("probe", cell.scenario, cell.format, cell.loaded_with, artifact)
        return self._key(*parts, self.repair)

    def conversion_key(self, scenario: str, form: str, hop: Hop, artifact: str) -> str:
        """Return the key of a conversion of ``artifact``, which is of format ``form``, by a hop."""
        how = (self.repair, *hop.remedies) if hop.remedies else ()
        into = hop.format if hop.saved else f"{hop.format}, as it is"
        return self._key("convert", scenario, form, hop.environment, artifact, into, *how)

    def deadline(self, scenario: str) -> float:
        """Return how many seconds one task of ``scenario`` may take."""
        return self.scenarios[scenario].timeout_seconds or self.limits.task_seconds

    def tolerance_of(self, scenario: str) -> Tolerance:
        """Return how far the outputs of ``scenario`` may differ."""
        return self.scenarios[scenario].tolerance or self.tolerance

    def judge(
        self, cell: Cell, saved: SaveFacts, load: LoadObservation, remedies: Iterable[str] = ()
    ) -> Verdict:
        """Return the verdict on a load of a cell that was made with ``remedies``."""
        return judge_load(
            saved,
            cell.format,
            load,
            self.tolerance_of(cell.scenario),
            trained=self.scenarios[cell.scenario].trained,
            rescaled=RESCALES in set(remedies),
        )

    def still_known(self, observation: Observation, scenario: str) -> bool:
        """Whether an observation is still valid: a timeout is not, once the deadline was raised."""
        return observation.ended != "timed-out" or (
            observation.deadline is not None and observation.deadline >= self.deadline(scenario)
        )

    def _key(self, kind: str, scenario: str, form: str, environment: str, *more: str) -> str:
        total = self._begun_keys.get((kind, scenario, form, environment))
        if total is None:
            parts = [
                kind,
                self.engine,
                self._environment_digest(environment),
                self.scenarios[scenario].digest,
                scenario,
                form,
                self.harness,
                # With less memory, a pass can become a MemoryError.
                self.limits.memory_mb,
            ]
            total = hashlib.sha256(json.dumps(parts).removesuffix("]").encode())
            self._begun_keys[kind, scenario, form, environment] = total
        total = total.copy()
        total.update(("".join(f", {json.dumps(part)}" for part in more) + "]").encode())
        return total.hexdigest()

    @cached_property
    def _begun_keys(self) -> dict[tuple[str, str, str, str], hashlib._Hash]:
        # A row's cells, and a cell's attempts, differ in the end of their keys only.
        return {}

    def _unsupported(
        self, scenario: str, form: str, environment: str, side: Literal["save", "load"]
    ) -> str | None:
        of = (scenario, form, environment, side)
        if of not in self._reasons:
            env, lock = self.environment(environment), self.locks[environment]
            reason = _why_unsupported(self.scenarios[scenario], form, env, lock, side)
            self._reasons[of] = reason
        return self._reasons[of]

    @cached_property
    def _reasons(self) -> dict[tuple[str, str, str, str], str | None]:
        # Each is asked for several times for each cell of a row or column.
        return {}


def environment_digest(environment: Environment, lock: Lock, recipe: str) -> str:
    """Return the digest of an environment as the keys of its measurements hold it."""
    parts = [identity_of(environment, lock, recipe), sorted(lasting_variables(environment).items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _why_unsupported(
    scenario: Scenario,
    form: str,
    environment: Environment,
    lock: Lock,
    side: Literal["save", "load"],
) -> str | None:
    """Return why an environment is not asked to save or load a scenario; None if it is."""
    if form not in scenario.formats:
        return f"the scenario does not use the format {form}"
    # A release is never excused: its `load_model` fails if it cannot read the file. An environment
    # without TensorFlow is, for a file that only TensorFlow reads.
    of = FORMATS[form]
    reason = (of.why_not_written if side == "save" else of.why_not_read)(environment.tensorflow)
    if reason:
        return reason
    for name, script in scenario.scripts(side, form).items():
        if script.uses_tensorflow and environment.tensorflow is None:
            return f"{name} imports TensorFlow, which {environment.name} does not have"
        if script.trains and environment.backend in PREDICT_ONLY:
            return f"{name} trains the model, and the backend {environment.backend} only predicts"
    needed = scenario.save_requires if side == "save" else scenario.load_requires
    missing = [name for name in needed if name not in lock.importable]
    if missing:
        return f"{environment.name} has no package {', '.join(missing)}"
    return None
