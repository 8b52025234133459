"""Lists the plans for making a file that a version loads as it is, from the fixes that work. Pure.

A verified fix is one in a program. Here it becomes one in a file: the file that the fix rewrote, or
the file that the version saves after it has loaded the model with the fix.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.execution.bridges import Chain, Hop
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.execution.next_fix import CALLABLE
from kerasmatrix.results.cells import LOADS, TOGETHER, Cell, Status
from kerasmatrix.results.schema import RemedyResult

__all__ = [
    "FORMATS_BY_ENDING",
    "ConversionPlan",
    "conversion_plans",
    "format_of",
    "formats_for",
    "is_program_code",
    "legacy_twin",
]

# Fixes that rewrite the file itself, and keep its weights and training state.
REWRITE = {"true-name", "lambda-source", "rewrite-config"}
# A fix that needs code in the program that loads, and one that does as much within the file.
IN_A_FILE = {
    "same-function": "scale-gates",
    "tfsm-layer": "saved-function",
    "saved-model-load": "saved-function",
}
# The fix that compiles a model as its file says, with the optimizer's state; others do so, too.
COMPILES = "no-compile"
COMPILING = {COMPILES, "weights-apart"}
# The formats from which the state is read.
WITH_STATE = ("h5", "keras", "keras-archive")
# Keras selects the format of a file by its ending.
FORMATS_BY_ENDING = {".h5": "h5", ".hdf5": "h5", ".keras": "keras", "": "savedmodel"}
# The order in which formats are considered where the name of the file does not decide.
PREFERRED = ("keras", "h5")
LEGACY = "legacy-keras"


class ConversionPlan(NamedTuple):
    """A chain of loads and saves that ends with a file, and the fixes it is derived from."""

    remedies: tuple[str, ...]
    chain: Chain


def format_of(ending: str) -> str | None:
    """Return the format for a file's ending, or None."""
    return FORMATS_BY_ENDING.get(ending)


def formats_for(name: str, stored: str) -> tuple[str, ...]:
    """Return the formats for a file of this name, the one that its programs expect first.

    Args:
        name: the source's name.
        stored: the format of its content, which may be another than its ending says.
    """
    if stored == "weights":
        return (stored,)
    ending = Path(name).suffix
    by_name = format_of(ending) if ending else None
    return tuple(dict.fromkeys((by_name or stored, stored, *PREFERRED)))


def is_program_code(fixes: str) -> bool:
    """Return whether the code of these fixes makes a program load the file, not another file."""
    return "rewrite-config" not in fixes.split(TOGETHER)


def conversion_plans(
    cell: Cell,
    status: Status,
    attempts: Iterable[tuple[Attempt, RemedyResult]],
    file_format: str,
    twin: str | None = None,
) -> list[ConversionPlan]:
    """Return the plans for a file of ``file_format``, the one that changes least first.

    Args:
        cell: the file in the target version.
        status: the cell's status.
        attempts: the fix attempts in the cell, with their results.
        file_format: the wanted format.
        twin: an environment with the same TensorFlow and tf_keras, if it loads the file.
    """
    plans: list[ConversionPlan] = []
    if status in LOADS:
        plans += _saved_by_target(cell, (), (), file_format)
    if status is Status.DEGRADED:
        plans += _compiled_by_target(cell, (), (), file_format)
    for attempt, result in attempts:
        if result.status == "verified":
            plans += _as_a_file(cell, attempt, file_format)
            if result.lost:
                plans += _compiled_by_target(cell, attempt.remedies, attempt.chain, file_format)
    if twin and status not in LOADS:
        plans.append(ConversionPlan((LEGACY,), (Hop(twin, file_format),)))
    return list({plan.chain: plan for plan in reversed(plans)}.values())[::-1]


def _as_a_file(cell: Cell, attempt: Attempt, file_format: str) -> list[ConversionPlan]:
    """Return the plans in which a fix that works in a program becomes a file."""
    plans: list[ConversionPlan] = []
    if attempt.chain:
        if attempt.chain[-1].format == file_format:
            plans.append(ConversionPlan(attempt.remedies, attempt.chain))
        plans += _ending_otherwise(cell, attempt, file_format)
        return plans + _saved_by_target(cell, attempt.remedies, attempt.chain, file_format)
    if set(attempt.remedies) <= REWRITE and cell.format == file_format:
        hop = Hop(cell.loaded_with, file_format, attempt.remedies, saved=False)
        plans.append(ConversionPlan(attempt.remedies, (hop,)))
    if not CALLABLE & set(attempt.remedies):
        plans += _saved_by_target(cell, attempt.remedies, (), file_format)
    for remedies in _within_the_file(attempt.remedies):
        plans += _saved_by_target(cell, remedies, (), file_format)
    return plans


def _ending_otherwise(cell: Cell, attempt: Attempt, file_format: str) -> Iterator[ConversionPlan]:
    """Yield plans in which the target saves what it has loaded with fixes in this format.

    It may also compile the model as the file says: Keras 3 does not train a model from HDF5.
    """
    *before, last = attempt.chain
    if last.environment != cell.loaded_with or not last.saved:
        return
    if last.format != file_format:
        yield ConversionPlan(attempt.remedies, (*before, last._replace(format=file_format)))
    if not COMPILING & set(last.remedies):
        compiled = last._replace(format=file_format, remedies=(*last.remedies, COMPILES))
        yield ConversionPlan((*attempt.remedies, COMPILES), (*before, compiled))


def _within_the_file(remedies: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield ``remedies`` with one that a file can hold in place of one that needs code."""
    for id_, other in IN_A_FILE.items():
        if id_ in remedies:
            yield (*(each for each in remedies if each != id_), other)


def _saved_by_target(
    cell: Cell, remedies: tuple[str, ...], chain: Chain, file_format: str
) -> list[ConversionPlan]:
    # Where the fix is a chain, the load after it is plain.
    own = () if chain else remedies
    return [ConversionPlan(remedies, (*chain, Hop(cell.loaded_with, file_format, own)))]


def _compiled_by_target(
    cell: Cell, remedies: tuple[str, ...], chain: Chain, file_format: str
) -> list[ConversionPlan]:
    """Return the plan in which the target also restores the compile state, which it lost alone."""
    source = chain[-1].format if chain else cell.format
    if COMPILING & set(remedies) or source not in WITH_STATE:
        return []
    own = (COMPILES,) if chain else (*remedies, COMPILES)
    hop = Hop(cell.loaded_with, file_format, own)
    return [ConversionPlan((*remedies, COMPILES), (*chain, hop))]


def legacy_twin(remedies: Iterable[RemedyResult]) -> str | None:
    """Return the environment in which tf_keras is a verified fix, if there is one."""
    for result in remedies:
        if result.id == LEGACY and result.status == "verified":
            return result.hops[-1]
    return None
