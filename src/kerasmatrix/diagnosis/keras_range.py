"""Reads versions as people name them: ``tf2.4``, ``keras3.4.1``, ``2.13-2.15``, ``>=2.16``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.version import Version

from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief
from kerasmatrix.versions import version_key

__all__ = ["KerasRange", "parse_keras_range", "range_of_release"]

NUMBER = r"(?<![\d.])(\d{1,4}(?:\.\d{1,4}){1,3})(?!\.?\d)"
KINDS = r"(tf[_-]?keras|keras|tensorflow|tf)?[\s=_-]*"
FORMS = re.compile(rf"(?i){KINDS}v?(>=|<=|<|>|==|~=)?\s*{NUMBER}(?:\.?[a-z]\w*|\.\*)?")
TO = re.compile(rf"(?i)\s*(?:-|to|\.\.|…|,\s*(<=|<))\s*{KINDS}v?{NUMBER}$")
HIGHEST = Version("99")
FIRST_KERAS_3 = Version("2.16")  # `tf.keras` is Keras 3 from this TensorFlow on
KERAS_3 = Version("3")
# The Keras that the first TensorFlow releases contain (keras.__version__ there).
EARLIEST = {"1": "2.2.4", "2.0": "2.2.4", "2.1": "2.3.0", "2.2": "2.3.0", "2.3": "2.4.0"}


@dataclass(frozen=True)
class KerasRange:
    """The releases of Keras that a named version, or range, stands for; both ends included."""

    first: Version
    last: Version

    @property
    def major(self) -> int | None:
        """The major version that all of them have: 2 or 3; None if they have not one."""
        if self.last < KERAS_3:
            return 2
        return 3 if self.first >= KERAS_3 else None

    def meets(self, since: str | None, before: str | None) -> bool:
        """Return whether some of them are in the range from ``since`` on and before ``before``."""
        after = since is None or self.last >= version_key(since)
        return after and (before is None or self.first < version_key(before))


def parse_keras_range(text: str) -> KerasRange:
    """Return the releases of Keras that ``text`` names, by themselves or as a TensorFlow.

    Raises:
        UsageError: it names no version.
    """
    found = FORMS.search(text)
    if found is None:
        raise UsageError(
            f"{brief(text)} is not a version",
            hint="name one like tf2.15, 2.15.1, keras3.4.1 or 2.13-2.15",
        )
    kind, operator, number = found.groups()
    is_keras = "keras" in (kind or "").lower()
    legacy = "legacy" in text or re.search(r"(?i)tf[_-]?keras", text) is not None
    first = last = version_key(number)
    bare_keras = kind is None and first >= KERAS_3
    rest = text[found.end() :]
    if end := TO.match(rest):
        last = version_key(end[3])
    elif operator in {">=", ">"} or rest.strip().startswith("+"):
        last = HIGHEST
    elif operator in {"<=", "<"}:
        first = Version("1")
    if legacy:
        return KerasRange(Version("2.15"), Version("2.99"))
    if is_keras or bare_keras:
        return KerasRange(first, last)
    return KerasRange(_keras_in(first, lowest=True), _keras_in(last, lowest=False))


def range_of_release(release: str) -> KerasRange:
    """Return the one release that `kerasmatrix.environments.keras_version` numbers like this."""
    one = _contained(version_key(release))
    return KerasRange(one, one)


def _keras_in(tensorflow: Version, *, lowest: bool) -> Version:
    if tensorflow >= FIRST_KERAS_3:
        return KERAS_3 if lowest else HIGHEST
    return _contained(tensorflow)


def _contained(number: Version) -> Version:
    """Return ``keras.__version__`` of a Keras 2 that is numbered by its TensorFlow."""
    known = EARLIEST.get(f"{number.major}.{number.minor}") or EARLIEST.get(str(number.major))
    return version_key(known) if known else number
