"""The verdict on checked files for an upgrade: a sentence for all, and a line for each. Pure."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kerasmatrix.analysis.compare import outcome_of
from kerasmatrix.environments.version_names import NamedVersion, find_version
from kerasmatrix.files.fix import FixedFile, module_notes
from kerasmatrix.prediction.required_objects import RequiredObject, program_arguments
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import (
    FIXABLE,
    LOADS,
    LOADS_OR_DRIFTS,
    SAYS_NOTHING,
    UNCLASSIFIED,
    Status,
)
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.text.lines import brief_line
from kerasmatrix.versions import KERAS_3, is_legacy_keras

__all__ = [
    "FileLine",
    "FilesVerdict",
    "best_source",
    "convert_command",
    "find_environment",
    "is_code_error",
    "judge_files",
    "newest",
]

# The stage in which the loading program itself is imported, before it loads anything.
SCRIPT = "script"
# A frame of a traceback: the name of the file, and the line.
PLACE = re.compile(r'File "[^"\n]*?([^"/\n]+\.py)", line (\d+)')
STATE = "the optimizer state"
# By whether a file loses its optimizer state, and whether it loses more.
LOSSES = {
    (True, False): "{} optimizer state",
    (True, True): "{} optimizer state and more",
    (False, True): "something else",
}


@dataclass(frozen=True)
class FileLine:
    """The result of a file in the target.

    Attributes:
        file: its path.
        cell: its cell in the target.
        home: its cell in the version to upgrade from, if there is one.
        story: what its cause is, in words.
        fixed: the file that was written for it, or why none was.
        required: what a program must bring to load it, or the fixed file.
    """

    file: str
    cell: CellResult
    home: CellResult | None = None
    story: str | None = None
    fixed: FixedFile | None = None
    required: tuple[RequiredObject, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether the target does not load it, or computes something else."""
        return self.cell.status in FIXABLE and not self.code_error

    @property
    def code_error(self) -> str | None:
        """Why the module with the custom objects cannot be imported, if that is the problem."""
        return _code_error(self.cell)

    @property
    def is_worse(self) -> bool:
        """Whether it is worse in the target than before, or broken where nothing is known."""
        now = outcome_of(self.cell)
        if not now.is_measured:
            return False
        if self.home is None or self.home.status not in LOADS_OR_DRIFTS:
            return self.cell.status is not Status.PASS
        return now.is_worse_than(outcome_of(self.home))

    @property
    def is_fixed(self) -> bool:
        """Whether a fixed file was written."""
        return self.fixed is not None and self.fixed.path is not None

    @property
    def lost(self) -> tuple[str, ...]:
        """The losses of the fixed file, or of the file as it is."""
        if self.fixed is not None and self.fixed.path:
            return self.fixed.lost
        return self.cell.lost

    @property
    def glyph(self) -> str:
        """The glyph of its status."""
        return LOOKS[self.cell.status].glyph

    def text(self) -> str:
        """Return what is wrong, what fixes it, and where the fixed file is."""
        parts = [f"{self.file}: {self._finding()}", *self._fix()]
        if self.breaks and self.home and self.home.status in FIXABLE:
            parts.append(f"nor does it load in {self.home.loaded_with}")
        return "; ".join(parts)

    def _finding(self) -> str:
        cell = self.cell
        if cell.status is Status.PASS:
            return "loads as it is"
        if cell.status is Status.DEGRADED:
            return f"loads, but lost {', '.join(cell.lost)}"
        if self.code_error:
            return f"not loaded: {self.code_error}"
        if not self.breaks:
            return f"{cell.status}: {brief_line(cell.summary)}"
        if self.story and cell.cause != UNCLASSIFIED:
            return f"{cell.status}: {_uncapitalized(self.story)} ({cell.cause})"
        return f"{cell.status}: {brief_line(cell.summary)}"

    def _fix(self) -> Iterator[str]:
        if not self.breaks:
            if self.is_fixed and self.fixed:
                loses = ", ".join(self.fixed.lost) or "nothing"
                yield f"loses less: {self.fixed.path} ({loses})"
            return
        verified = self.cell.repaired_by
        if self.fixed is not None and self.fixed.path:
            by = " + ".join(self.fixed.remedies) or "saving it again"
            yield f"fixed by {by}: {self.fixed.path}"
            if self.fixed.lost:
                yield f"loses {', '.join(self.fixed.lost)}"
        elif self.fixed is not None:
            yield f"not written: {self.fixed.trouble}"
        elif verified:
            yield f"fix: {verified.id}"
        else:
            yield self._why_no_fix()

    def _why_no_fix(self) -> str:
        for attempt in self.cell.remedies:
            if attempt.status == "unverified":
                return f"no fix verified: with {attempt.id} it {brief_line(attempt.summary)}"
        return "no fix found"


@dataclass(frozen=True)
class FilesVerdict:
    """The lines of all files, those that break first, and the versions in question."""

    target: str
    source: str | None
    lines: tuple[FileLine, ...]

    @property
    def broken(self) -> tuple[FileLine, ...]:
        """The files that break."""
        return tuple(line for line in self.lines if line.breaks)

    def __str__(self) -> str:
        return "\n".join([*(f"{line.glyph} {line.text()}" for line in self.lines),
                          *self.notes(), self.headline()])  # fmt: skip

    def headline(self) -> str:
        """Return the verdict in one sentence."""
        total, broken = len(self.lines), self.broken
        files = _count(total, "file")
        if broken:
            verb = "breaks" if len(broken) == 1 else "break"
            parts = [f"{len(broken)} of {files} {verb} in {self.target}", *self._fixes()]
        else:
            parts = [f"None of {files} breaks in {self.target}"]
        worse = sum(line.cell.status is Status.DEGRADED for line in self.lines)
        if worse:
            more = f"{worse} more" if broken else f"{worse}"
            better = sum(line.is_fixed and not line.breaks for line in self.lines)
            new = f" ({better} with a new file that loses less)" if better else ""
            parts.append(f"{more} {_verb(worse, 'loads', 'load')} but {_verb(worse, 'loses')} "
                         f"something{new}")  # fmt: skip
        unknown = sum(
            line.cell.status in SAYS_NOTHING or line.code_error is not None for line in self.lines
        )
        if unknown:
            parts.append(f"{unknown} could not be judged")
        return f"{'; '.join(parts)}."

    def notes(self) -> Iterator[str]:
        """Yield errors of the user's module, and what a program must bring: each once."""
        yield from dict.fromkeys(
            f"In {line.cell.loaded_with}: {line.code_error}"
            for line in self.lines
            if line.code_error
        )
        groups: dict[str, list[str]] = {}
        for line in self.lines:
            if line.required:
                where = line.fixed.path if line.fixed and line.fixed.path else line.file
                groups.setdefault(program_arguments(line.required), []).append(where)
        for arguments, files in groups.items():
            yield f"A program passes {arguments} to load {', '.join(files)}."
        yield from module_notes(line.fixed for line in self.lines if line.fixed)

    def _fixes(self) -> Iterator[str]:
        broken = self.broken
        written = [line for line in broken if line.is_fixed]
        fixable = [line for line in broken if line.cell.repaired_by]
        asked = any(line.fixed for line in broken)
        done = written if asked else fixable
        word = "fixed" if asked else "can be fixed"
        if not done:
            yield "no fix found" if not fixable else "none could be fixed"
        elif len(done) < len(broken):
            yield f"{len(done)} {word}"
        elif len(done) == 1:
            yield f"it is {word}" if asked else f"it {word}"
        else:
            yield f"all {len(done)} {word}"
        # Each file counts once.
        losses = Counter((STATE in line.lost, bool(set(line.lost) - {STATE})) for line in written)
        for lost, what in LOSSES.items():
            if count := losses[lost]:
                whose = "its" if count == 1 else "their"
                yield f"{count} {_verb(count, 'loses')} {what.format(whose)}"


def judge_files(
    results: Results,
    target: str,
    source: str | None,
    *,
    fixed: Mapping[str, FixedFile] = {},
    required: Mapping[str, tuple[RequiredObject, ...]] = {},
) -> FilesVerdict:
    """Return the verdict on the files of a check.

    Args:
        results: the results of the check.
        target: the version to upgrade to.
        source: the version to upgrade from, if there is one.
        fixed: the fixed files, by scenario.
        required: what a program must bring to load a file, by scenario.
    """
    stories = {cause.slug: cause.story for cause in results.causes}
    names = {scenario.name: scenario.file or scenario.name for scenario in results.scenarios}
    home = {cell.scenario: cell for cell in results.cells if cell.loaded_with == source}
    lines = []
    for cell in results.cells:
        if cell.loaded_with != target:
            continue
        new = fixed.get(cell.scenario)
        needs = new.custom_objects if new and new.path else required.get(cell.scenario, ())
        lines.append(
            FileLine(
                names[cell.scenario],
                cell,
                home.get(cell.scenario),
                stories.get(cell.cause or ""),
                new,
                needs,
            )
        )
    lines.sort(key=lambda line: (not line.breaks, line.cell.status in LOADS))
    return FilesVerdict(target, source, tuple(lines))


def best_source(results: Results, target: str) -> str | None:
    """Return the version that loads most of the files; of several, the newest before the target."""
    loaded = {environment.name: 0 for environment in results.environments if environment.is_release}
    for cell in results.cells:
        if cell.loaded_with in loaded:
            loaded[cell.loaded_with] += cell.status in LOADS
    others = [name for name in loaded if name != target and loaded[name]]
    places = {environment.name: place for place, environment in enumerate(results.environments)}
    return max(
        others,
        key=lambda name: (loaded[name], places[name] < places.get(target, 0), places[name]),
        default=None,
    )


def newest(results: Results) -> str:
    """Return the newest of the versions that were asked for."""
    return results.versions[-1]


def is_code_error(cell: CellResult) -> bool:
    """Whether the loading program could not be imported, which says nothing on the file."""
    return cell.load is not None and cell.load.stage == SCRIPT and cell.error is not None


def _code_error(cell: CellResult) -> str | None:
    """Return the error of a module that was imported for a file, with its place."""
    if not is_code_error(cell) or cell.error is None:
        return None
    places = PLACE.findall(cell.error.traceback)
    where = f"{places[-1][0]}:{places[-1][1]}" if places else "the module"
    return f"{where} cannot be imported: {brief_line(cell.summary)}"


def find_environment(results: Results, text: str) -> str:
    """Return the environment of a run that a name or a version means.

    Raises:
        UsageError: the run has none.
    """
    known = [
        NamedVersion(
            env.name,
            env.tensorflow or "0",
            env.keras or "0" if env.keras_major == KERAS_3 else env.tensorflow or "0",
            is_legacy_keras(env.variables),
        )
        for env in results.environments
    ]
    return find_version(text, known)


def convert_command(file: str, target: str, custom_objects: str | None = None) -> str:
    """Return the command that writes a file which ``target`` loads as it is."""
    more = ("--custom-objects", custom_objects) if custom_objects else ()
    return shlex.join(
        ["kerasmatrix", "convert", file, "--for", target, "--output-dir", "fixed", *more]
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _verb(number: int, singular: str, plural: str | None = None) -> str:
    return singular if number == 1 else plural or singular.removesuffix("s")


def _uncapitalized(sentence: str) -> str:
    first = sentence.split(" ", 1)[0]
    is_name = first == "Keras" or not first.istitle()
    return sentence if is_name else sentence[:1].lower() + sentence[1:]
