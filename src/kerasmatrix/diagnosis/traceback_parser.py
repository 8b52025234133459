"""Parses the exception chain of a text: one line, or a traceback as Python prints it."""

from __future__ import annotations

from kerasmatrix.text.patterns import Pattern

__all__ = ["parse_chain"]

# Characters of a text that are read: its end, which has the exception that was raised last.
LONGEST = 1_000_000

ENDINGS = ("Error", "Exception", "Warning", "Interrupt", "Exit")
# A line with a dotted name that ends like that of an exception, and its message.
RAISED = Pattern(
    r"^(?:E\s+)?(?P<type>[A-Za-z_][\w.]*(?:" + "|".join(ENDINGS) + r"))"
    r"(?::\s?(?P<message>.*))?$"
)
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
    text = text[-LONGEST:]
    chain: list[tuple[str, list[str]]] = []
    inside = False
    for line in text.splitlines():
        may_be = any(ending in line for ending in ENDINGS)  # cheaper than the pattern
        raised = next(RAISED.found_in(line), None) if may_be else None
        if raised:
            chain.append((raised["type"], [raised["message"]]))
            inside = True
        elif line.startswith(BETWEEN):
            inside = False
        elif inside:
            chain[-1][1].append(line)
    exceptions = [(kind, "\n".join(lines).strip()) for kind, lines in chain]
    return exceptions[::-1] or [("", text.strip())]
