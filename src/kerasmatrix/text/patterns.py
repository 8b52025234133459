"""Regular expressions that match in linear time, for texts from files of strangers.

Python's own engine can take exponential time on a text that almost matches, and cannot be
interrupted. RE2 does not, but has neither look-around nor back references.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice

import re2

__all__ = ["Pattern", "PatternError", "PatternSet", "compile_pattern"]

# The most matches of one text whose groups are read.
MOST_MATCHES = 1000
# Memory in bytes for a set of patterns: that of the catalogue needs 16 MB, and more for the states
# that RE2 makes as a text needs them; it starts again where they exceed this.
MOST_STATES = 64 << 20
# Matches every text: RE2 gives the same answer where none matches and where it has no memory.
ALWAYS = ""


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
        options.log_errors = False  # it raises, too
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else "?"
            text = reason.decode() if isinstance(reason, bytes) else reason
            raise PatternError(f"not a regular expression: {text}") from None
        # Kept, since `re2` decodes all names again for each group that is asked for by name.
        self._numbers: dict[str, int] = dict(self._compiled.groupindex)
        self.groups = frozenset(self._numbers)

    def is_in(self, text: str | bytes) -> bool:
        """Return whether a part of ``text``, in UTF-8 if it is bytes, matches."""
        return self._compiled.search(_encoded(text)) is not None

    def first_in(self, text: str | bytes) -> str | None:
        """Return the first part of ``text`` that matches, or None."""
        match = self._compiled.search(_encoded(text))
        return None if match is None else match.group(0).decode("utf-8", "replace")

    def removed_from(self, text: str) -> str:
        """Return ``text`` without the parts that match."""
        kept: bytes = self._compiled.sub(b"", _encoded(text))
        return kept.decode("utf-8", "replace")

    def is_all_of(self, text: str) -> bool:
        """Return whether all of ``text`` matches."""
        return self._compiled.fullmatch(_encoded(text)) is not None

    def found_in(self, text: str | bytes) -> Iterator[Mapping[str, str]]:
        """Yield the named groups of each match in ``text``, of a thousand matches at most."""
        for match in islice(self._compiled.finditer(_encoded(text)), MOST_MATCHES):
            yield {
                name: (match.group(number) or b"").decode("utf-8", "replace")
                for name, number in self._numbers.items()
            }


class PatternSet:
    """Patterns that are searched for at once: it takes hardly longer than one of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Compile ``texts``, which `compile_pattern` takes."""
        self._texts = tuple(dict.fromkeys(texts))
        options = re2.Options()
        options.log_errors = False
        options.max_mem = MOST_STATES
        self._set = re2.Set.SearchSet(options)
        for text in (*self._texts, ALWAYS):
            self._set.Add(text)
        self._set.Compile()

    def found_in(self, text: bytes) -> frozenset[str]:
        """Return the patterns of which a part of ``text``, in UTF-8, is a match."""
        found = self._set.Match(text)
        if not found:  # the states need too much memory
            return frozenset(one for one in self._texts if compile_pattern(one).is_in(text))
        return frozenset(self._texts[index] for index in found if index < len(self._texts))


@cache
def compile_pattern(text: str) -> Pattern:
    """Return the `Pattern` of ``text``, compiled once: the package has few patterns."""
    return Pattern(text)


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")
