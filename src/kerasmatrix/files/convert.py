"""Makes a file that a version loads as it is, and sees that it does before anything is written.

First it is found out what helps (see `kerasmatrix.files`); that is turned into a file; and the
file is loaded with the target as any program would, without a remedy, and compared. The original is
only read. See `kerasmatrix.files.output` for what becomes of the file.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kerasmatrix import __version__
from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.runner import Run
from kerasmatrix.files.check import Checked, check
from kerasmatrix.files.conversion_plan import GOOD, Way, best, legacy_twin, ways
from kerasmatrix.files.manifest import (
    Action,
    Maker,
    Manifest,
    Refusal,
    StoredFile,
    Tried,
    Verified,
)
from kerasmatrix.files.model_input import Given, by_closeness, digest_file
from kerasmatrix.files.output import size_of
from kerasmatrix.files.session import Setup
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.observations import LoadObservation, Save, SaveFacts, Status, Verdict
from kerasmatrix.results.schema import CellResult, RemedyResult

__all__ = ["Converted", "Converter"]

PROBE = "probe.npz"
MODEL = "model"
SHOWN = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras")
# What holds a whole model in every version that has it.
WHOLE = ("keras", "h5")


class Converted(NamedTuple):
    """A file to be written, and its manifest; it is gone when the store is closed."""

    manifest: Manifest
    made: Path


class _Walked(NamedTuple):
    """A way that was walked to its end: a file, and a load of it."""

    way: Way
    result: RemedyResult
    loaded: LoadObservation
    made: str | None
    did: tuple[str, ...]


class Converter:
    """Makes one file anew for one version. `make` may be called once."""

    def __init__(
        self, setup: Setup, file: Given, target: Environment, through: Sequence[Environment]
    ) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            setup: where and how files are loaded.
            file: the file.
            target: the version that is to load it.
            through: versions that may say what it computes, and that may be gone through.
        """
        self._setup = setup
        self._file = file
        self._target = target
        self._through = tuple({env.name: env for env in (*through, target)}.values())
        self._tried: list[Tried] = []

    def make(self, form: str, output: str) -> Converted | Refusal:
        """Find a way to a file of format ``form``, and walk it; say why there is none.

        Args:
            form: h5, keras or savedmodel.
            output: what the file will be called, for the manifest.

        Raises:
            UsageError: the target has no such format, or not that of the file.
            InfrastructureError: the target cannot be had, or no version that loads the file.
        """
        checked, cell = self._what_helps()
        self._check_measured(checked, cell)
        reason = checked.plan.cannot_save(Save(cell.scenario, form, self._target.name))
        if reason:
            raise UsageError(f"{output}: {reason}", hint="call it .h5, which every version has")
        if cell.status in GOOD and form == cell.format:
            return self._copied(checked, cell, output)
        if cell.status is Status.NOT_COMPARABLE:
            why = f"what is made of it could not be compared with it: {cell.summary}"
            return self._nothing(checked, cell, why)
        if not self._has_reference(checked):
            return self._nothing(
                checked,
                cell,
                "no version that was tried loads it, so there is nothing to compare with",
            )
        working = self._walk(checked, cell, form)
        if working:
            return self._converted(checked, cell, working, form, output)
        others = [
            other
            for other in WHOLE
            if other != form
            and not checked.plan.cannot_save(Save(cell.scenario, other, self._target.name))
        ]
        instead = tuple(other for other in others if self._walk(checked, cell, other))
        helps = cell.status in GOOD or any(tried.status == "verified" for tried in cell.remedies)
        why = (
            "what helps is done by the program that loads it, and does not go into such a file"
            if helps
            else "nothing that was tried makes it load as it was"
        )
        return self._nothing(checked, cell, why, instead)

    def _what_helps(self) -> tuple[Checked, CellResult]:
        """Return what becomes of the file in the target, and what helps there.

        Only the version most like the writer is asked beside it, and all of them where that is not
        enough.
        """
        locks = {env.name: self._setup.lock(env) for env in self._through}
        closest = by_closeness(self._file.told.writer, self._through, locks)[0]
        few = [env for env in self._through if env.name in {closest, self._target.name}]
        checked, cell = self._check(few)
        helped = cell.status in GOOD or any(t.status == "verified" for t in cell.remedies)
        if not (helped and self._has_reference(checked)) and len(few) < len(self._through):
            checked, cell = self._check(self._through)
        return checked, cell

    def _check(self, environments: Sequence[Environment]) -> tuple[Checked, CellResult]:
        checked = check(self._setup, [self._file], environments)
        if checked.trouble:
            raise checked.trouble
        cells = checked.results.cells
        return checked, next(c for c in cells if c.loaded_with == self._target.name)

    def _has_reference(self, checked: Checked) -> bool:
        """Whether a version loads the file as it is, and has said what it computes."""
        found = next(iter(checked.observed.saves.values()), None)
        if found is None or found.observation.artifact is None:
            return False
        return (self._setup.store.artifacts / found.observation.artifact / PROBE).is_file()

    def _check_measured(self, checked: Checked, cell: CellResult) -> None:
        """Refuse what nothing can be said of.

        Raises:
            UsageError: the target does not have the file's format.
            InfrastructureError: an environment that is needed cannot be had.
        """
        if cell.status is Status.UNSUPPORTED:
            raise UsageError(
                f"{self._file.told.path}: {cell.summary}",
                hint="convert it into an .h5 file for a version that has the format, "
                "and then that file",
            )
        if cell.status in {Status.INFRA, Status.NOT_RUN}:
            raise InfrastructureError(f"{self._target.name}: cannot be had: {cell.summary}")
        absent = [env for env in checked.results.environments if env.trouble]
        if absent and not self._has_reference(checked):
            raise InfrastructureError(
                f"{absent[0].name}: cannot be had, and no other version loads the file: "
                f"{absent[0].trouble}"
            )

    def _walk(self, checked: Checked, cell: CellResult, form: str) -> _Walked | None:
        """Walk every way to a file of a format; return the best that was seen to work."""
        key, plan = cell_of(cell), checked.plan
        judged = checked.observed.judged(plan, Causes(plan), key)
        found = ways(
            key,
            cell.status,
            zip(checked.observed.attempts.get(key, ()), judged, strict=True),
            form,
            legacy_twin(cell.remedies),
        )
        if not found:
            return None
        started = datetime.datetime.now(datetime.UTC)
        run = Run(
            dataclasses.replace(plan, walks={key: tuple(way.chain for way in found)}),
            self._setup.engine,
            self._setup.store,
            id=f"convert-{started:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
            jobs=self._setup.jobs,
            trust=self._setup.trust,
            listener=self._setup.listener,
        )
        self._setup.listener.begins(run)
        try:
            run.execute()
        finally:
            self._setup.listener.ends()
        if key in run.observed.faults:
            raise InfrastructureError(
                f"{cell.loaded_with}: could not be tried: {run.observed.faults[key]}",
                hint="mend that and run again: what was measured so far is kept",
            )
        walked = {way.chain: way for way in found}
        results = run.observed.judged(run.plan, run.causes, key)
        ended = [
            _Walked(
                walked[attempt.chain],
                result,
                attempt.measured.observation,
                run.observed.conversions[Save(*key[:3]), attempt.chain].observation.artifact,
                (*result.did, *_done(run.observed, Save(*key[:3]), attempt.chain)),
            )
            for attempt, result in zip(run.observed.attempts.get(key, ()), results, strict=True)
            if attempt.chain in walked
        ]
        self._tried += [_told(each, form) for each in ended]
        way = best({each.way: each.result for each in ended})
        return next((each for each in ended if each.way == way), None)

    def _copied(self, checked: Checked, cell: CellResult, output: str) -> Converted:
        """Return the file itself: it loads as it is."""
        made = next((self._file.scenario.folder / "given").iterdir())
        key = cell_of(cell)
        loaded = checked.observed.loads[key].observation
        verdict = Verdict(
            status=cell.status,
            summary=cell.summary,
            lost=cell.lost,
            weights_equal=cell.weights_equal,
            not_compared=cell.not_compared,
        )
        verified = self._verified(checked, cell, verdict, loaded)
        manifest = self._manifest(
            checked, cell, made, output, action="copied", verified=verified, form=cell.format
        )
        return Converted(manifest, made)

    def _converted(
        self, checked: Checked, cell: CellResult, walked: _Walked, form: str, output: str
    ) -> Converted:
        """Return the file at the end of a way."""
        last = walked.way.chain[-1]
        by_target = last.environment == self._target.name
        action: Action = "saved-again" if by_target else "bridged"
        made = _model_in(self._setup.store.artifacts / (walked.made or ""))
        verdict = checked.plan.judge(
            cell_of(cell), _reference(checked.observed, cell), walked.loaded
        )
        manifest = self._manifest(
            checked,
            cell,
            made,
            output,
            action=action if last.saved else "rewritten",
            verified=self._verified(checked, cell, verdict, walked.loaded),
            form=form,
            way=walked.way,
            did=walked.did,
        )
        return Converted(manifest, made)

    def _nothing(
        self, checked: Checked, cell: CellResult, why: str, instead: tuple[str, ...] = ()
    ) -> Refusal:
        """Return why no file can be made, and what a program can do."""
        helped = [tried.id for tried in cell.remedies if tried.status == "verified"]
        used = {part for each in helped for part in each.split(" + ")}
        code = tuple(info for info in checked.results.remedies if info.id in used)
        tried = [
            Tried(
                remedies=tuple(each.id.split(" + ")),
                hops=each.hops,
                format=None,
                status=each.status,
                summary=each.summary,
            )
            for each in cell.remedies
        ]
        return Refusal(
            file=self._file.told.path,
            status=cell.status,
            cause=cell.cause,
            why=why,
            tried=(*tried, *self._tried),
            instead=instead,
            code=code,
        )

    def _manifest(  # noqa: PLR0913 - what a manifest says
        self,
        checked: Checked,
        cell: CellResult,
        made: Path,
        output: str,
        *,
        action: Action,
        verified: Verified,
        form: str,
        way: Way | None = None,
        did: tuple[str, ...] = (),
    ) -> Manifest:
        return Manifest(
            kerasmatrix=__version__,
            made=datetime.datetime.now(datetime.UTC),
            action=action,
            source=StoredFile(
                path=self._file.told.path,
                format=cell.format,
                bytes=self._file.told.bytes,
                sha256=self._file.sha256,
            ),
            output=StoredFile(
                path=output, format=form, bytes=size_of(made), sha256=digest_file(made)
            ),
            target=_maker(checked, self._target.name),
            cause=cell.cause,
            remedies=way.remedies if way else (),
            hops=tuple(hop.environment for hop in way.chain) if way else (),
            did=did,
            verified=verified,
            tried=tuple(self._tried),
        )

    def _verified(
        self, checked: Checked, cell: CellResult, verdict: Verdict, loaded: LoadObservation
    ) -> Verified:
        facts = loaded.value
        return Verified(
            status=verdict.status,
            summary=verdict.summary,
            lost=verdict.lost,
            not_compared=verdict.not_compared,
            reference=_maker(checked, cell.saved_with),
            weights_equal=verdict.weights_equal,
            max_abs_diff=facts.max_abs_diff if facts else None,
            max_abs_reference=facts.max_abs_reference if facts else None,
        )


def _done(observed: Observed, row: Save, chain: Chain) -> Iterator[str]:
    """Yield what remedies did on the way along a chain."""
    for length in range(1, len(chain) + 1):
        found = observed.conversions.get((row, chain[:length]))
        if found and found.observation.value:
            yield from found.observation.value.did


def _reference(observed: Observed, cell: CellResult) -> SaveFacts:
    facts = observed.saves[Save(*cell_of(cell)[:3])].observation.value
    assert facts is not None  # noqa: S101 - a way is walked only where there is a reference
    return facts


def _maker(checked: Checked, name: str) -> Maker:
    env = next(env for env in checked.results.environments if env.name == name)
    packages: Mapping[str, str] = {key: env.packages[key] for key in SHOWN if key in env.packages}
    return Maker(environment=name, python=env.python, packages=packages, lock=env.lock)


def _told(walked: _Walked, form: str) -> Tried:
    return Tried(
        remedies=walked.way.remedies,
        hops=tuple(hop.environment for hop in walked.way.chain),
        format=form,
        status=walked.result.status,
        summary=walked.result.summary,
    )


def _model_in(artifact: Path) -> Path:
    """Return the model in an artifact; beside it lies what it is to compute."""
    return next(path for path in sorted(artifact.iterdir()) if path.name.startswith(MODEL))
