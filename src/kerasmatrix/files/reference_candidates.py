"""The environments that may become the reference of a file, and how each of them loaded it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.execution.plan import Save
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.session import Session
from kerasmatrix.files.version_distance import version_distances
from kerasmatrix.prediction.custom_objects import names_of_program
from kerasmatrix.prediction.predict import predict_by_rules
from kerasmatrix.prediction.select_targets import target_of
from kerasmatrix.results.cells import LOADS_OR_DRIFTS
from kerasmatrix.results.observations import Measured, SaveFacts, SaveObservation, Weights
from kerasmatrix.results.verdict import judge_save
from kerasmatrix.store.store import Store

__all__ = ["SEARCH", "Candidates", "ReferencePolicy", "Take", "nothing_to_compare_with", "row_of"]

# A requested environment is near a file's writer if at most this many minors of Keras lie between.
NEAR = 2

# The observation of a load that records what the file computes. It is stored like a save.
Take = Measured[SaveObservation]
Value = TypeVar("Value")


@dataclass(frozen=True)
class ReferencePolicy:
    """Which environments may be the reference of a file.

    Attributes:
        only: the environment to compare with, instead of a search.
        preferred: the reference of each file that it loads; only for the others is the version
            that is nearest to the writer asked.
        among: those that are searched besides the requested ones; empty stands for the matrix.
        near: at most this many minors of Keras may lie between the writer and a requested
            environment, else the nearest is asked too.
    """

    only: str | None = None
    preferred: str | None = None
    among: tuple[Environment, ...] = ()
    near: float = NEAR


# The version that is nearest to the writer of a file.
SEARCH = ReferencePolicy()


def nothing_to_compare_with(store: Store, at: datetime.datetime) -> Take:
    """Return a substitute for a reference. It makes loads possible, which show why they fail.

    Args:
        store: keeps an empty artifact for it; the observation is not stored.
        at: the time of the observation.
    """
    with store.scratch("nothing") as folder:
        artifact = store.keep_artifact(folder)
    facts = SaveFacts(model="unknown", weights=Weights())
    return Measured(SaveObservation(ended="returned", value=facts, artifact=artifact), at)


def row_of(model_input: ModelInput, environment: str) -> Save:
    """Return the row of a file whose reference is ``environment``."""
    return Save(model_input.scenario.name, model_input.format, environment)


class Candidates:
    """Orders environments by their distance from each file's writer; collects their loads.

    Attributes:
        takes: the loads so far.
        errors: exceptions that the answers of a file's process provoked, by scenario.
    """

    def __init__(
        self,
        session: Session,
        model_inputs: Sequence[ModelInput],
        known: Mapping[str, Environment],
        requested: Mapping[str, Environment],
        policy: ReferencePolicy,
    ) -> None:
        """Compute the distances; nothing is loaded yet.

        Args:
            session: where and how files are loaded.
            model_inputs: the files.
            known: all environments, by name.
            requested: the environments that the user asked for, by name.
            policy: which of them may be references.
        """
        self.takes: dict[Save, Take] = {}
        self.errors: dict[str, Exception] = {}
        self._model_inputs = model_inputs
        self._known = known
        self._requested = requested
        self._reference = policy.only
        self._preferred = policy.preferred
        self._locks = self._read_locks(session)
        self._distances = self._measure_distances(session)
        self._predicted: dict[str, frozenset[str]] = {}

    def guarded(
        self, model_input: ModelInput, default: Value, find: Callable[[ModelInput], Value]
    ) -> Value:
        """Return ``find(model_input)``, or ``default`` if that raises an exception.

        An unexpected answer from a file's process spoils that file's row only.
        """
        try:
            return find(model_input)
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - the answer can provoke any in our code
            self.errors.setdefault(model_input.scenario.name, error)
            return default

    def distance(self, model_input: ModelInput, name: str) -> float:
        """Return how far an environment is from a file's writer."""
        return self._distances[model_input.scenario.name][name]

    def order(self, model_input: ModelInput) -> list[str]:
        """Return the environments, the preferred and then the nearest to a file's writer first.

        Of two at the same distance, a requested one is first, then the newer: most files are read
        by later versions.
        """
        if self._reference:
            return [self._reference]
        nearest_first = self._nearest_first(model_input)
        return sorted(nearest_first, key=lambda name: name != self._preferred)

    def likely_first(self, model_input: ModelInput) -> list[str]:
        """Return the same order, with the environments first that are predicted to load the file.

        A class may be in a few releases only, which are not the nearest to the writer.
        """
        predicted = self._predicted_to_load(model_input)
        return sorted(self.order(model_input), key=lambda name: name not in predicted)

    def nearest(self, model_input: ModelInput) -> str:
        """Return the environment that is nearest to a file's writer."""
        return self._reference or self._nearest_first(model_input)[0]

    def _nearest_first(self, model_input: ModelInput) -> list[str]:
        newest_first = sorted(self._known.values(), key=lambda env: env.sort_key, reverse=True)
        age = {env.name: place for place, env in enumerate(newest_first)}
        distances = self._distances[model_input.scenario.name]
        return sorted(
            distances, key=lambda name: (distances[name], name not in self._requested, age[name])
        )

    def nearest_requested(self, model_input: ModelInput) -> str:
        """Return the requested environment that is nearest to a file's writer."""
        return next(name for name in self.order(model_input) if name in self._requested)

    def rows(self, model_input: ModelInput) -> list[Save]:
        """Return the rows of a file that were measured, the nearest to its writer first."""
        rows = (row_of(model_input, name) for name in self.order(model_input))
        return [row for row in rows if row in self.takes]

    def tried(self, model_input: ModelInput) -> list[str]:
        """Return the environments that tried to load a file, the nearest first."""
        return [row.saved_with for row in self.rows(model_input)]

    def loaded(self, model_input: ModelInput) -> Iterator[tuple[Save, SaveFacts]]:
        """Yield the rows in which a file was loaded, the nearest to its writer first."""
        for row in self.rows(model_input):
            observation = self.takes[row].observation
            if judge_save(observation) is None and observation.value is not None:
                yield row, observation.value

    def add(self, row: Save, take: Take) -> bool:
        """Note a load, unless an earlier one of the row is better; return whether it counts."""
        known = self.takes.get(row)
        if known is not None and _worth(take) < _worth(known):
            return False
        self.takes[row] = take
        return True

    def without_reference(self) -> list[ModelInput]:
        """Return the files that no environment has loaded yet."""
        return [
            model_input
            for model_input in self._model_inputs
            if not self.guarded(model_input, True, self._is_loaded)
        ]

    def best(self, model_input: ModelInput) -> Save | None:
        """Return the row of a file with which the others are compared.

        It is the nearest whose model could be called, else the nearest that loads.
        """
        loaded = list(self.loaded(model_input))
        called = [row for row, facts in loaded if facts.refused is None]
        return next(iter((*called, *(row for row, _ in loaded))), None)

    def as_reference(self, model_input: ModelInput, row: Save, remedies: tuple[str, ...]) -> Take:
        """Return the load that the others are compared with, with remarks on how it was made."""
        take = self.takes[row]
        home, facts_at_home = next(self.loaded(model_input))
        changes: dict[str, object] = {"remedies": remedies}
        if home != row:
            changes["refused_at_home"] = facts_at_home.refused
        facts = take.observation.value
        value = facts.but(**changes) if facts else None
        return Measured(take.observation.but(value=value), take.at)

    def _is_loaded(self, model_input: ModelInput) -> bool:
        return next(self.loaded(model_input), None) is not None

    def _predicted_to_load(self, model_input: ModelInput) -> frozenset[str]:
        """Return the environments that are predicted to load a file; none if it is unreadable."""
        scenario = model_input.scenario
        if scenario.name not in self._predicted:
            targets = [target_of(self._known[name], lock) for name, lock in self._locks.items()]
            try:
                passed = names_of_program(scenario.folder)
                found = predict_by_rules(Path(model_input.path), targets, passed).predictions
            except UsageError:
                found = ()
            self._predicted[scenario.name] = frozenset(
                each.environment for each in found if each.status in LOADS_OR_DRIFTS
            )
        return self._predicted[scenario.name]

    def _read_locks(self, session: Session) -> Mapping[str, Lock]:
        """Return the lock of each environment that has one."""
        locks = {}
        for name, env in self._known.items():
            try:
                locks[name] = session.lock(env)
            except UsageError:
                if name in self._requested:
                    raise
        return locks

    def _measure_distances(self, session: Session) -> Mapping[str, Mapping[str, float]]:
        """Return the distance of each environment that has the file's format, by scenario."""
        locks = self._locks
        usable = [self._known[name] for name in locks]
        plan = session.plan(self._model_inputs, usable)

        def measure(model_input: ModelInput) -> dict[str, float]:
            distances = version_distances(model_input.model_file.writer, usable, locks)
            return {
                name: distance
                for name, distance in distances.items()
                if name in self._requested or not plan.cannot_save(row_of(model_input, name))
            }

        unknown = dict.fromkeys(self._requested, 0.0)
        return {
            model_input.scenario.name: self.guarded(model_input, unknown, measure)
            for model_input in self._model_inputs
        }


def _worth(take: Take) -> int:
    """Return 2 for a model that was called, 1 for one that loads, else 0."""
    if judge_save(take.observation) is not None or take.observation.value is None:
        return 0
    return 2 if take.observation.value.refused is None else 1
