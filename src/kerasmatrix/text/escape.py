"""Makes texts from model files harmless for a terminal."""

from __future__ import annotations

import re

__all__ = ["HIDDEN", "brief", "cut", "escape_control_characters"]

LONGEST = 60  # characters of a name or value that an error repeats
# Characters that hide or reorder text, as part of a set of a pattern: those that Unicode ignores by
# default (DerivedCoreProperties.txt), without variants of emoji, and separators of lines.
HIDDEN = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{HIDDEN}]")
# Commands that a CI service takes from a log: GitHub's runner at the start of a line, where any
# part of a long word can be, or after ## (ActionCommand.cs), Azure and TeamCity after ##.
COMMANDS = re.compile(
    "::(?=(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|internal-set-repo-path"
    "|notice|remove-matcher|save-state|set-env|set-output|stop-commands|warning)\\b)"
    "|##(?=[\\w.]*\\[)",
    re.IGNORECASE,
)


def escape_control_characters(text: str) -> str:
    """Return ``text`` with escape sequences for what controls a terminal, or a CI that reads it."""
    seen = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    plain = INVISIBLE.sub(lambda match: ascii(match[0])[1:-1], seen)
    return COMMANDS.sub(lambda match: f"\\x{ord(match[0][0]):02x}{match[0][1:]}", plain)


def brief(value: object) -> str:
    """Return the representation of a user's value, cut if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an integer with thousands of digits
        return "a number with thousands of digits"
    return cut(text)


def cut(text: str) -> str:
    """Return ``text``, or its beginning if it is long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
