"""The glyph and the word of each status, so that nothing depends on colour alone."""

from __future__ import annotations

from typing import NamedTuple

from kerasmatrix.results.cells import Status

__all__ = ["FLAKY", "LOOKS", "REPAIRED", "Look"]

# Next to the glyph of a cell with a verified fix.
REPAIRED = "↻"
# Next to the glyph of a cell whose result changed when it was measured again.
FLAKY = "±"


class Look(NamedTuple):
    """A glyph, the word next to it, and the meaning in a sentence."""

    glyph: str
    word: str
    meaning: str


LOOKS: dict[Status, Look] = {
    Status.PASS: Look("✓", "pass", "loads, with the same weights and the same outputs"),
    Status.DEGRADED: Look(
        "◐", "degraded", "loads and predicts, but with losses (the cell lists them)"
    ),
    Status.DRIFT: Look("≈", "drift", "loads, but the outputs differ"),
    Status.FAIL: Look("✕", "fail", "does not load, or cannot be called"),
    Status.CRASH: Look("↯", "crash", "the loading process died"),
    Status.TIMEOUT: Look("◷", "timeout", "the load did not finish in time"),
    Status.SAVE_FAILED: Look("⊘", "not saved", "the writing version could not save the model"),
    Status.UNSUPPORTED: Look("-", "n/a", "one of the versions has no such format or package"),
    Status.NOT_COMPARABLE: Look(
        "○", "not compared", "loads, but there were no inputs to compare outputs on"
    ),
    Status.INFRA: Look("?", "no env", "environment could not be installed; no result"),
    Status.NOT_RUN: Look("·", "not run", "not measured yet"),
}
