"""Stands in for google-re2, which has no build for browsers, with RE2JS, a port to JavaScript.

It has the names that `kerasmatrix.text.patterns` uses, with their meaning in google-re2.
"""

from __future__ import annotations

from collections.abc import Iterator

from js import RE2JS


class error(Exception):
    """A text is not a regular expression."""


class Options:
    """The options of a pattern; RE2JS writes no log and has no limit of memory."""

    log_errors = False
    max_mem = 0


class _Match:
    def __init__(self, matcher: object) -> None:
        self._groups = [matcher.group(number) for number in range(matcher.groupCount() + 1)]

    def group(self, number: int) -> bytes | None:
        found = self._groups[number]
        return found.encode() if isinstance(found, str) else None  # JavaScript has another null


class _Compiled:
    def __init__(self, text: str) -> None:
        try:
            self._pattern = RE2JS.RE2JS.compile(text)
        except Exception as fault:
            raise error(str(fault)) from fault
        self.groupindex: dict[str, int] = self._pattern.namedGroups().to_py()

    def search(self, text: bytes) -> _Match | None:
        return next(self.finditer(text), None)

    def fullmatch(self, text: bytes) -> _Match | None:
        matcher = self._pattern.matcher(text.decode())
        return _Match(matcher) if matcher.matches() else None

    def finditer(self, text: bytes) -> Iterator[_Match]:
        matcher = self._pattern.matcher(text.decode())
        while matcher.find():
            yield _Match(matcher)

    def sub(self, new: bytes, text: bytes) -> bytes:
        replaced: str = self._pattern.matcher(text.decode()).replaceAll(new.decode())
        return replaced.encode()


def compile(text: str, options: Options | None = None) -> _Compiled:
    """Compile a pattern."""
    del options
    return _Compiled(text)


class Set:
    """Patterns that are searched for one after the other."""

    def __init__(self) -> None:
        self._patterns: list[_Compiled] = []

    @classmethod
    def SearchSet(cls, options: Options) -> Set:
        """Return an empty set."""
        del options
        return cls()

    def Add(self, text: str) -> int:
        """Add a pattern and return its index."""
        self._patterns.append(_Compiled(text))
        return len(self._patterns) - 1

    def Compile(self) -> None:
        """Do nothing: the patterns are compiled."""

    def Match(self, text: bytes) -> list[int]:
        """Return the indices of the patterns that a part of ``text`` matches."""
        found = enumerate(pattern.search(text) for pattern in self._patterns)
        return [index for index, match in found if match is not None]
