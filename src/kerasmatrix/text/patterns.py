"""Regular expressions that are matched in a time linear in the text, whatever the text.

What is matched comes from files of strangers: Python's own engine tries again and again where a
text almost matches, and nothing interrupts it. RE2 does not; in return it has neither look-around
nor back references.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice

import re2

__all__ = ["Pattern", "PatternError", "compile_pattern"]

# So many places of one text are looked at for their groups.
MOST_MATCHES = 1000


class PatternError(ValueError):
    """A text is not a regular expression that RE2 takes. The message says why."""


class Pattern:
    """A compiled regular expression, in the syntax of RE2."""

    def __init__(self, text: str) -> None:
        """Compile ``text``.

        Raises:
            PatternError: it is not a regular expression.
        """
        options = re2.Options()
        options.log_errors = False  # the exception says it
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else "?"
            said = reason.decode() if isinstance(reason, bytes) else reason
            raise PatternError(f"not a regular expression: {said}") from None
        self.groups: frozenset[str] = frozenset(self._compiled.groupindex)

    def is_in(self, text: str | bytes) -> bool:
        """Whether ``text``, which is UTF-8 if it is bytes, has a part that matches."""
        return self._compiled.search(_encoded(text)) is not None

    def is_all_of(self, text: str) -> bool:
        """Whether all of ``text`` matches."""
        return self._compiled.fullmatch(_encoded(text)) is not None

    def found_in(self, text: str | bytes) -> Iterator[Mapping[str, str]]:
        """Yield the named groups of each match in ``text``, and no more than a thousand."""
        for match in islice(self._compiled.finditer(_encoded(text)), MOST_MATCHES):
            yield {
                name: (match.group(name) or b"").decode("utf-8", "replace") for name in self.groups
            }


@cache
def compile_pattern(text: str) -> Pattern:
    """Return `Pattern` of ``text``. Each is compiled once: patterns are few, and ours."""
    return Pattern(text)


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")
