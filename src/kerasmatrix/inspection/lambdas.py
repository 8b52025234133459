"""Describes the Lambda layers of an architecture. Their code is decoded and never run. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from kerasmatrix.inspection.architecture import layers_of, words
from kerasmatrix.inspection.facts import Lambda

__all__ = ["lambdas", "named_function", "names_in"]

Config = Mapping[str, Any]

# The first byte of a marshalled code object, with and without the flag for references.
CODE = {0xE3, 0x63}
WITH_POSITIONAL_ONLY = 6
# From 3.11 on a function starts with RESUME, after at most a few instructions that make its cells.
RESUME_3_11, RESUME_3_13 = 151, 149
PROLOGUE = 4
# Keras 2.0 wrote the bytes themselves, one character for each (func_dump in Keras 2.0.8
# utils/generic_utils.py); later releases encode them.
NOT_BASE_64 = re.compile(r"[^A-Za-z0-9+/=\s]")
# A name among marshalled strings: interned, ASCII, with its length in one byte (Python/marshal.c).
SHORT_NAME = re.compile(rb"(?s)[Z\xda](?=(.))")
NAME = re.compile(r"(?:[\w.]{1,200}>)?[A-Za-z_]\w{0,200}")


def lambdas(config: Config) -> tuple[Lambda, ...]:
    """Return the Lambda layers: they hold Python bytecode, or the name of a function."""
    layers = []
    for name, layer in layers_of(config):
        inner = layer.get("config")
        if layer.get("class_name") == "Lambda" and isinstance(inner, Mapping):
            function = inner.get("function")
            code = _code_of(function)
            layers.append(
                Lambda(
                    layer=name,
                    python=_python_of(code) if code else None,
                    function=named_function(function),
                    raw=code is not None and NOT_BASE_64.search(code) is not None,
                )
            )
    return tuple(layers)


def named_function(function: object) -> str | None:
    """Return the name of the function of a Lambda, if the file has the name and not the code.

    Keras 2 writes ``"sampling"``, Keras 2.13 and later a mapping with the name in ``config``.
    """
    if isinstance(function, Mapping):
        is_named = function.get("class_name") == "function"
        function = function.get("config") if is_named else None
    if not isinstance(function, str) or not NAME.fullmatch(function):
        return None
    return words(function)


def names_in(function: object) -> frozenset[str]:
    """Return the names in the bytecode of a Lambda: of variables, of attributes, of modules."""
    try:
        raw = base64.b64decode(_code_of(function) or "", validate=False)
    except (binascii.Error, ValueError):
        return frozenset()
    starts = ((match.end() + 1, match.group(1)[0]) for match in SHORT_NAME.finditer(raw))
    found = (raw[start : start + length].decode("latin-1") for start, length in starts)
    return frozenset(name for name in found if name.isascii() and name.isidentifier())


def _code_of(function: object) -> str | None:
    """Return the stored code of a Lambda's function, if there is any."""
    code: object = function[0] if isinstance(function, list) and function else None
    if isinstance(function, Mapping):
        inner = function.get("config")
        code = inner.get("code") if isinstance(inner, Mapping) else None
    return code if isinstance(code, str) and code else None


def _python_of(code: str) -> str | None:
    """Return the Pythons that can read the bytecode of a Lambda.

    A marshalled code object has no version, but its fields differ: before 3.8 it lacks the number
    of positional-only arguments, from 3.11 on the number of locals (CPython, Python/marshal.c).
    """
    try:
        raw = base64.b64decode(code, validate=False)
    except (binascii.Error, ValueError):
        return None
    if not raw or raw[0] not in CODE:
        return None
    # Five or six numbers of four bytes, then a string of bytes: its type, its length, its content.
    for count in (6, 5):
        place = 1 + 4 * count
        if raw[place : place + 1] in {b"s", b"\xf3"}:
            return "3.8 to 3.10" if count == WITH_POSITIONAL_ONLY else _by_opcodes(raw[place + 5 :])
    return None


def _by_opcodes(code: bytes) -> str:
    """Distinguish 3.11 and later, whose code starts with RESUME, from 3.7, by the opcodes."""
    first = code[: 2 * PROLOGUE : 2]
    if RESUME_3_11 in first:
        return "3.11 to 3.12"
    return "3.13" if RESUME_3_13 in first else "3.7 and before"
