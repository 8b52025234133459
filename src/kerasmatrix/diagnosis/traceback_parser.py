"""Reads an exception chain out of text: one line, or a traceback as Python prints it."""

from __future__ import annotations

from kerasmatrix.text.patterns import Pattern

__all__ = ["chain_of"]

# So much of a text is looked at: its end, where the exception that was raised last stands.
LONGEST = 1_000_000

ENDINGS = ("Error", "Exception", "Warning", "Interrupt", "Exit")
# A line that begins with a dotted name ending like an exception's, and its message.
RAISED = Pattern(
    r"^(?:E\s+)?(?P<type>[A-Za-z_][\w.]*(?:" + "|".join(ENDINGS) + r"))"
    r"(?::\s?(?P<message>.*))?$"
)
BETWEEN = (
    "The above exception was the direct cause",
    "During handling of the above exception",
    "Traceback (most recent call last)",
)


def chain_of(text: str) -> list[tuple[str, str]]:
    """Return (type, message) of each exception in ``text``, the last raised first.

    A message goes on over the following lines until the next traceback begins. Text in which no
    exception can be made out is one message without a type. Of a very long text only the end is
    read.
    """
    text = text[-LONGEST:]
    chain: list[tuple[str, list[str]]] = []
    inside = False
    for line in text.splitlines():
        may_be = any(ending in line for ending in ENDINGS)  # few lines need to be looked at closely
        raised = next(RAISED.found_in(line), None) if may_be else None
        if raised:
            chain.append((raised["type"], [raised["message"]]))
            inside = True
        elif line.startswith(BETWEEN):
            inside = False
        elif inside:
            chain[-1][1].append(line)
    found = [(kind, "\n".join(lines).strip()) for kind, lines in chain]
    return found[::-1] or [("", text.strip())]
