"""Parses the exception chain of a text: one line, a log, or a traceback as Python prints it."""

from __future__ import annotations

from kerasmatrix.text.patterns import Pattern

__all__ = ["parse_chain", "without_frames"]

# Characters of a text that are read: its end, which has the exception that was raised last.
LONGEST = 1_000_000

ENDINGS = ("Error", "Exception", "Warning", "Interrupt", "Exit", "BadZipFile", "StagingError")
TYPE = r"(?P<type>(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:" + "|".join(ENDINGS) + r")|BadZipFile)"
# A line with a dotted name that ends like that of an exception, and its message. Other tools put
# something before it: pytest an E, loggers a time, a level and a name, notebooks an arrow.
RAISED = Pattern(rf"^\s*(?:E\s+)?{TYPE}(?::\s?(?P<message>.*))?$")
MENTIONED = Pattern(rf"^[^'\"`(]{{0,200}}?(?:^|[\s\]|>:)])(?:E\s+)?{TYPE}:\s?(?P<message>.*)$")
FRAME = Pattern(r"^\s*(?:File \".*\", line \d+|-+> ?\d+ |\d+ {2,}|at \S+ \(.*\)$)")
COLORS = Pattern(r"\x1b\[[0-9;]*m")
BETWEEN = (
    "The above exception was the direct cause",
    "During handling of the above exception",
    "Traceback (most recent call last)",
)


def parse_chain(text: str) -> list[tuple[str, str]]:
    """Return (type, message) of each exception in ``text``, the last raised first.

    A message continues until the next traceback begins. Text without an exception is one message
    without a type. Only the end of a very long text is read.
    """
    text = COLORS.removed_from(text[-LONGEST:])
    chain: list[tuple[str, list[str]]] = []
    inside = False
    for line in text.splitlines():
        may_be = any(ending in line for ending in ENDINGS)  # cheaper than the patterns
        raised = next(RAISED.found_in(line), None) if may_be else None
        if raised:
            chain.append((raised["type"], [raised["message"]]))
            inside = True
            continue
        if line.lstrip().startswith(BETWEEN):
            inside = False
            continue
        if inside:
            chain[-1][1].append(line)
        mentioned = next(MENTIONED.found_in(line), None) if may_be else None
        if mentioned:
            # In a message, this is an exception that it quotes: both are read.
            place = len(chain) - 1 if inside else len(chain)
            chain.insert(place, (mentioned["type"], [mentioned["message"]]))
            inside = True
    exceptions = [(kind, "\n".join(lines).strip()) for kind, lines in chain]
    return exceptions[::-1] or [("", without_frames(text).strip())]


def without_frames(text: str) -> str:
    """Return ``text`` without the lines that name files, functions and their code."""
    kept: list[str] = []
    after_frame = False
    for line in text.splitlines():
        is_frame = FRAME.is_in(line)
        if not (is_frame or (after_frame and line.startswith("    "))):
            kept.append(line)
        after_frame = is_frame
    return "\n".join(kept)
