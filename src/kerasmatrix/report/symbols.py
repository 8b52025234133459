"""How a status looks: a glyph and a word, so that nothing rests on colour alone."""

from __future__ import annotations

from typing import NamedTuple

from kerasmatrix.results.observations import Status

__all__ = ["FLAKY", "LOOKS", "REPAIRED", "Look"]

# Beside the glyph of a cell in which a remedy was seen to work.
REPAIRED = "↻"
# Beside the glyph of a cell that did something else when it was measured again.
FLAKY = "±"


class Look(NamedTuple):
    """A glyph, the word beside it, and what it means in a sentence."""

    glyph: str
    word: str
    meaning: str


LOOKS: dict[Status, Look] = {
    Status.PASS: Look("✓", "pass", "loads, with the same weights and the same outputs"),
    Status.DEGRADED: Look(
        "◐", "degraded", "loads and predicts, but lost something on the way: see the cell"
    ),
    Status.DRIFT: Look("≈", "drift", "loads, but its numbers are not the same"),
    Status.FAIL: Look("✕", "fail", "does not load, or cannot be called"),
    Status.CRASH: Look("↯", "crash", "the process that loaded it died"),
    Status.TIMEOUT: Look("◷", "timeout", "the load did not end in time"),
    Status.SAVE_FAILED: Look("⊘", "not saved", "the writing version could not save it"),
    Status.UNSUPPORTED: Look("-", "n/a", "one of the versions has no such format or package"),
    Status.NOT_COMPARABLE: Look(
        "○", "not compared", "loads; no inputs could be found on which to compare its outputs"
    ),
    Status.INFRA: Look("?", "no env", "the environment could not be had: says nothing on Keras"),
    Status.NOT_RUN: Look("·", "not run", "not measured yet"),
}
