"""The plans of a search for references: which environments load which files."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from kerasmatrix.config.matrix import Environment
from kerasmatrix.execution.lookup import look_up
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.reference_candidates import ReferencePolicy, Take, row_of
from kerasmatrix.files.session import Session

__all__ = ["SearchPlans"]

# At most this many environments are added to the requested ones.
MOST_ADDED = 3


class SearchPlans:
    """The environments of a search, requested or added, and the plans in which they load files.

    Attributes:
        requested: the requested environments by name. Those that export are columns of the
            comparison, and never references.
        known: all that may be added, and the requested ones.
        added: those that the search has added.
    """

    def __init__(
        self,
        session: Session,
        model_inputs: Sequence[ModelInput],
        environments: Sequence[Environment],
        policy: ReferencePolicy,
    ) -> None:
        """Begin with the requested environments; for the arguments see `ReferenceSearch`."""
        self._session = session
        self._model_inputs = model_inputs
        self._attempted: set[Save] = set()
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.requested = {env.name: env for env in environments if not env.export}
        self._exporting = [env for env in environments if env.export]
        self.added: dict[str, Environment] = {}
        among = {env.name: env for env in policy.among}
        releases = {env.name: env for env in session.matrix.releases}
        self.known = {**(among or releases), **self.requested}
        for name in (policy.only, policy.preferred):
            if name and name not in self.known:
                self.known[name] = session.environment(name)

    @property
    def columns(self) -> dict[str, Environment]:
        """The requested environments, and the added ones."""
        return {**self.requested, **self.added}

    def add(self, name: str) -> None:
        """Add an environment, unless it is a column already."""
        if name not in self.requested:
            self.added.setdefault(name, self.known[name])

    def add_most_common(self, homes: Iterable[str]) -> None:
        """Add the environments that most files want, which may be none."""
        for name, _ in Counter(homes).most_common(MOST_ADDED):
            self.added[name] = self.known[name]

    def can_use(self, name: str) -> bool:
        """Return whether an environment is a column, or may become one."""
        return name in self.columns or len(self.added) < MOST_ADDED

    def drop_all_but(self, used: Collection[str]) -> None:
        """Keep only those of the added environments that are in ``used``."""
        self.added = {name: env for name, env in self.added.items() if name in used}

    def is_attempted(self, model: ModelInput, name: str) -> bool:
        """Return whether an environment has loaded a file, or was asked to."""
        return row_of(model, name) in self._attempted

    def whole(self) -> Plan:
        """Return a plan with all columns, and without rows yet."""
        names = tuple(self.columns)
        if names not in self._plans:
            environments = [*self.columns.values(), *self._exporting]
            self._plans[names] = self._session.plan(self._model_inputs, environments)
        return self._plans[names]

    def loading(self, pairs: Sequence[tuple[ModelInput, str]]) -> Plan:
        """Return a plan in which environments load files, and nothing is compared."""
        plan = self.whole()
        rows = tuple(dict.fromkeys(row_of(model, name) for model, name in pairs))
        # A load that a fault of the machine prevented is not repeated endlessly.
        self._attempted.update(rows)
        supported = tuple(row for row in rows if not plan.cannot_save(row))
        return dataclasses.replace(plan, rows=supported, columns=frozenset())

    def comparing(
        self,
        rows: Sequence[Save],
        saves: Mapping[Save, Take],
        taking: Mapping[Save, tuple[str, ...]],
    ) -> RunState:
        """Return what is stored of the plan that compares all columns with references.

        Args:
            rows: the reference of each file.
            saves: the loads by those that loaded it.
            taking: the fixes with which they did. A conversion looks the loads up again.
        """
        present_for = {
            name: frozenset(row.scenario for row in rows if row.saved_with == name)
            for name in self.added
        }
        plan = dataclasses.replace(
            self.whole(), rows=tuple(rows), present_for=present_for, reference_fixes=taking
        )
        return self.stored(plan, saves)

    def stored(self, plan: Plan, saves: Mapping[Save, Take] | None = None) -> RunState:
        """Return what is stored of a plan, unless the user wants it measured again."""
        if self._session.options.fresh:
            return RunState(plan, saves=dict(saves or {}))
        return look_up(plan, self._session.store, saves)
