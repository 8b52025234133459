"""Searches the reference of each file: the version that wrote it, or the nearest that loads it.

The search has steps; each is a plan that the same workers execute. First every requested
environment loads each file, as does the environment nearest to the file's writer, which is added if
no requested one is near. If none of them loads a file, a few others of the matrix try it, one after
the other: creating an environment takes minutes. If no version loads a file plainly, those nearest
to its writer load it with fixes that do not change what it computes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import partial

from kerasmatrix.config.matrix import Environment
from kerasmatrix.execution.fix_attempts import Causes
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.reference_candidates import (
    SEARCH,
    Candidates,
    ReferencePolicy,
    Take,
    nothing_to_compare_with,
    row_of,
)
from kerasmatrix.files.search_plans import SearchPlans
from kerasmatrix.files.session import Session
from kerasmatrix.results.cells import TOGETHER, Cell, Status

__all__ = ["ReferenceSearch"]

# At most this many environments try each fix.
MOST_REPAIRED = 3
# Fixes that leave the layers and the weights of the file unchanged.
HARMLESS = (
    ("no-compile",),
    ("trust-the-lambda",),
    ("trust-the-lambda", "no-compile"),
    ("standalone-keras",),
    ("lambda-source",),
)
# Causes that no other version can avoid: the file lacks something.
BEYOND_VERSIONS = {"custom-class-missing", "weights-only-file", "killed-for-memory"}
# A sentence lists at most this many names.
MOST_NAMED = 6


class ReferenceSearch:
    """A search for the references of files. It is called with the observations of each step."""

    def __init__(
        self,
        session: Session,
        model_inputs: Sequence[ModelInput],
        environments: Sequence[Environment],
        policy: ReferencePolicy = SEARCH,
    ) -> None:
        """Prepare the first step; nothing is loaded yet.

        Args:
            session: where and how files are loaded.
            model_inputs: the files.
            environments: the requested ones.
            policy: which environments may be references.
        """
        self._session = session
        self._model_inputs = model_inputs
        self._repaired: dict[Save, tuple[str, ...]] = {}
        self._taking: dict[Save, tuple[str, ...]] = {}
        self._remedies = iter(HARMLESS)
        self._is_over = False
        self._are_homes_asked = False
        self._policy = policy
        self._reference = policy.only
        self._plans = SearchPlans(session, model_inputs, environments, policy)
        self._candidates = Candidates(
            session, model_inputs, self._plans.known, self._plans.requested, policy
        )
        self.first = self._first()

    @property
    def added(self) -> frozenset[str]:
        """The environments that were not requested and are the reference of a file."""
        return frozenset(self._plans.added)

    @property
    def is_over(self) -> bool:
        """Whether all steps of the search were executed."""
        return self._is_over

    def __call__(self, state: RunState) -> RunState | None:
        """Return what is stored of the next plan; None after the comparison."""
        if self._is_over:
            return None
        self._file(state)
        step = (
            self._homes_without_preferred() or self._more_versions(state) or self._with_remedies()
        )
        if step is not None:
            return self._plans.stored(step)
        self._is_over = True
        return self._comparison()

    def cut_off(self, state: RunState) -> RunState:
        """Return the comparison as far as it is known, for a search that was interrupted.

        An untried version may load a file: a file without a reference may still get one.
        """
        self._file(state)
        known = self._comparison(is_complete=False)
        known.environment_errors.update(state.environment_errors)
        return known

    def note(self, model_input: ModelInput) -> str:
        """Return a sentence about a file's reference, if there is anything unusual about it."""
        tried = self._candidates.tried(model_input)
        spoiled = model_input.scenario.name in self._candidates.errors
        if not self._is_over or not tried or spoiled:
            return ""
        row = self._candidates.best(model_input)
        if row is None:
            left = [name for name in self._candidates.order(model_input) if name not in tried]
            more = f"; not tried: {_listed(left)}" if left else ""
            return f"No version that was tried loads it as it is ({', '.join(tried)}{more})."
        sentences = []
        if row.saved_with in self._plans.added:
            sentences.append(
                f"{row.saved_with} was added as the reference: in the matrix it is the nearest to "
                "the version that wrote the file."
            )
        if row in self._repaired:
            sentences.append(
                f"No version that was tried loads it as it is; the reference is {row.saved_with} "
                f"with {TOGETHER.join(self._repaired[row])}."
            )
        return " ".join(sentences)

    def _first(self) -> Plan:
        """Return the plan in which the requested environments and the nearest load each file."""
        if self._reference:
            self._plans.add(self._reference)
            return self._plans.loading([(model, self._reference) for model in self._model_inputs])
        pairs = [(model, name) for model in self._model_inputs for name in self._plans.requested]
        # Where a preferred reference loads a file, the file's writer need not be asked.
        homes = [] if self._policy.preferred else self._add_homes(self._model_inputs)
        return self._plans.loading(pairs + homes)

    def _add_homes(self, models: Iterable[ModelInput]) -> list[tuple[ModelInput, str]]:
        """Add the environment nearest to a file's writer, where no requested one is near.

        Return the files with the environments that were added for them.
        """
        homes = []
        for model in models:
            home = self._candidates.nearest(model)
            distances = (self._candidates.distance(model, name) for name in self._plans.requested)
            near = min(distances, default=None)
            if near is None or near > self._candidates.distance(model, home) + self._policy.near:
                homes.append((model, home))
        self._plans.add_most_common(home for _, home in homes)
        return [(model, home) for model, home in homes if home in self._plans.added]

    def _homes_without_preferred(self) -> Plan | None:
        """Return a plan in which the writers load the files that the preferred version does not."""
        if not self._policy.preferred or self._are_homes_asked:
            return None
        self._are_homes_asked = True
        left = [model for model in self._model_inputs if not self._is_preferred_loading(model)]
        step = self._plans.loading(self._add_homes(left))
        return step if step.rows else None

    def _is_preferred_loading(self, model: ModelInput) -> bool:
        def is_loading(each: ModelInput) -> bool:
            rows = (row for row, _ in self._candidates.loaded(each))
            return any(row.saved_with == self._policy.preferred for row in rows)

        return self._candidates.guarded(model, True, is_loading)

    def _more_versions(self, state: RunState) -> Plan | None:
        """Return a plan in which one more version loads each file that none has loaded yet."""
        pairs = []
        for model in self._candidates.without_reference():
            if self._reference or self._candidates.guarded(model, True, self._is_beyond_versions):
                continue
            untried = (
                name
                for name in self._candidates.likely_first(model)
                if not self._plans.is_attempted(model, name)
                and name not in state.environment_errors
                and self._plans.can_use(name)
            )
            for name in untried:
                self._plans.add(name)
                pairs.append((model, name))
                break
        step = self._plans.loading(pairs)
        return step if step.rows else None

    def _file(self, state: RunState) -> None:
        """Add new loads; one with fixes replaces a plain one only if it is better."""
        for row, take in state.saves.items():
            if self._candidates.add(row, take) and row in self._taking:
                self._repaired[row] = self._taking[row]

    def _with_remedies(self) -> Plan | None:
        """Return a plan in which fixes are applied to files that no version loads."""
        if self._session.options.remedies == "none":
            return None
        for remedies in self._remedies:
            pairs = [
                (model, name)
                for model in self._candidates.without_reference()
                for name in self._candidates.tried(model)[:MOST_REPAIRED]
            ]
            plan = self._plans.loading(pairs)
            if plan.rows:
                self._taking = dict.fromkeys(plan.rows, remedies)
                return dataclasses.replace(plan, reference_fixes=self._taking)
        return None

    def _comparison(self, *, is_complete: bool = True) -> RunState:
        """Return what is stored of the plan in which every file is compared with its reference.

        Args:
            is_complete: whether all versions that may load a file have tried it.
        """
        guarded = self._candidates.guarded
        best = [
            (model, guarded(model, None, self._candidates.best)) for model in self._model_inputs
        ]
        self._repaired = {row: self._repaired[row] for _, row in best if row in self._repaired}
        used = {row.saved_with for _, row in best if row is not None}
        self._plans.drop_all_but(used)
        rows: list[Save] = []
        saves: dict[Save, Take] = {}
        for model, row in best:
            rows.append(row or self._row_without_reference(model))
            if row is not None:
                remedies = self._repaired.get(row, ())
                find = partial(self._candidates.as_reference, row=row, remedies=remedies)
                take = guarded(model, None, find)
            else:
                take = self._nothing(model) if is_complete else None
            if take is not None:
                saves[rows[-1]] = take
        known = self._plans.comparing(rows, saves, self._repaired)
        for model, row in zip(self._model_inputs, rows, strict=True):
            error = self._candidates.errors.get(model.scenario.name)
            if error is not None:
                known.boundary.note(row, error)
        return known

    def _row_without_reference(self, model: ModelInput) -> Save:
        columns = self._plans.columns
        tried = [name for name in self._candidates.tried(model) if name in columns]
        return row_of(model, tried[0] if tried else self._candidates.nearest_requested(model))

    def _nothing(self, model: ModelInput) -> Take | None:
        """Return a substitute for the reference of a file that no version loads as it is."""
        rows = self._candidates.rows(model)
        if not rows:
            return None
        return nothing_to_compare_with(self._session.store, self._candidates.takes[rows[0]].at)

    def _is_beyond_versions(self, model: ModelInput) -> bool:
        """Return whether each load of a file failed because the file lacks something."""
        causes = Causes(self._plans.whole())
        seen = set()
        for row in self._candidates.rows(model):
            cell = Cell(*row, row.saved_with)
            observation = self._candidates.takes[row].observation
            seen.add(causes.of(cell, Status.FAIL, (), observation))
        return bool(seen) and seen <= BEYOND_VERSIONS


def _listed(names: Sequence[str]) -> str:
    """Return names in a list, the last of many only counted."""
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed
