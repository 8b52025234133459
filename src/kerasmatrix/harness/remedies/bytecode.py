"""Translates the bytecode of a simple function back into source, whichever Python compiled it.

Only straight code is translated: arithmetic, attributes, calls, indices, assignments, imports. The
stack holds source text in place of values. Everything else, such as a branch or an inner function,
is refused. (Source: Lib/opcode.py of 2.7 and 3.3 to 3.13.)
"""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

from .marshalled import Code, read_code
from .opcodes import BINARY, COMPARED, COMPARED_BITS, INFIX, operations

__all__ = ["Source", "Untranslatable", "translate"]

# Releases of Python that marshal code in a layout and differ in their bytecode.
RELEASES = {
    (2, 7): ((2, 7),),
    (3, 3): ((3, 3), (3, 6), (3, 7)),
    (3, 8): ((3, 8), (3, 9), (3, 10)),
    (3, 11): ((3, 11), (3, 12), (3, 13)),
}
NULL = object()
SIMPLE = (bool, int, float, str, bytes, type(None), type(Ellipsis))
UNARY = {"UNARY_POSITIVE": "+", "UNARY_NEGATIVE": "-", "UNARY_NOT": "not ", "UNARY_INVERT": "~"}
IGNORED = ("NOP", "RESUME", "CACHE", "PRECALL", "COPY_FREE_VARS")


class Untranslatable(ValueError):
    """The bytecode does more than can be translated, or it has two meanings."""


class Source(NamedTuple):
    """A function's source, its global names, and the releases of Python that it may be from."""

    arguments: tuple
    lines: tuple
    names: frozenset
    releases: tuple


class Import(NamedTuple):
    """A module on the stack, or a name from it."""

    module: str
    name: str = ""


def translate(data: bytes, closure: Any = None) -> Source:
    """Return the source of the marshalled function ``data``.

    Args:
        data: what `marshal.dumps` returned for a code object.
        closure: the values of the variables around the function.

    Raises:
        Untranslatable: it is not straight code, or two releases read it differently.
    """
    found: dict = {}
    reason = "this is not a code object of Python 2.7 or of 3.3 to 3.13"
    for code in read_code(data):
        for release in RELEASES[code.layout]:
            try:
                machine = _Machine(code, release, list(closure or ()))
                source = machine.run()
            except (Untranslatable, IndexError, TypeError, ValueError) as error:
                reason = str(error)
            else:
                found.setdefault(source, []).append(release)
    if len(found) != 1:
        raise Untranslatable("releases of Python read it differently" if found else reason)
    (((arguments, lines, names), releases),) = found.items()
    return Source(arguments, lines, names, tuple(releases))


class _Machine:
    """Executes the bytecode of one release on source text."""

    def __init__(self, code: Code, release: tuple, closure: list) -> None:
        if code.keyword_only:
            raise Untranslatable("it has arguments by keyword only")
        self._code = code
        self._release = release
        self._stack: list = []
        self._lines: list = []
        self._globals: set = set()
        self._keywords: tuple = ()
        for name, value in zip(code.free, closure):
            self._lines.append(f"{name} = {_literal(value)}")
        self._known = set(code.free[: len(closure)])

    def run(self) -> tuple:
        """Return arguments, lines and global names; the last line returns."""
        instructions = list(operations(self._code.code, self._release))
        for place, (name, argument) in enumerate(instructions):
            if name in ("RETURN_VALUE", "RETURN_CONST"):
                if any(rest[0] != "CACHE" for rest in instructions[place + 1 :]):
                    raise Untranslatable("it returns in several places")
                constant = name == "RETURN_CONST"
                value = _literal(self._code.consts[argument]) if constant else self._pop()
                if [entry for entry in self._stack if entry is not NULL]:
                    raise Untranslatable("something is left when it returns")
                arguments = self._code.variables[: self._code.arguments]
                return arguments, (*self._lines, f"return {value}"), frozenset(self._globals)
            self._step(name, argument)
        raise Untranslatable("it does not return")

    def _step(self, name: str, argument: int) -> None:  # noqa: C901, PLR0912 - one branch an instruction
        push = self._stack.append
        if name in IGNORED:
            return
        if name in BINARY or name == "BINARY_OP":
            sign = INFIX[argument] if name == "BINARY_OP" else BINARY[name]
            right, left = self._pop(), self._pop()
            if name == "BINARY_DIVIDE" and not (_is_float(left) or _is_float(right)):
                raise Untranslatable("a division of Python 2, which is another one for integers")
            push(f"({left} {sign} {right})")
        elif name in UNARY:
            push(f"({UNARY[name]}{self._pop()})")
        elif name == "COMPARE_OP":
            self._compare(argument)
        elif name == "LOAD_CONST":
            push(_literal(self._code.consts[argument]))
        elif name.startswith("LOAD_") and hasattr(self, "_" + name.lower()):
            getattr(self, "_" + name.lower())(argument)
        elif name == "STORE_FAST":
            self._store(argument)
        elif name in ("STORE_FAST_LOAD_FAST", "STORE_FAST_STORE_FAST"):
            self._store(argument >> 4)
            (self._load_fast if name.endswith("LOAD_FAST") else self._store)(argument & 15)
        elif name == "UNPACK_SEQUENCE":
            items = [f"_item{len(self._lines)}_{place}" for place in range(argument)]
            self._lines.append(f"[{', '.join(items)}] = {self._pop()}")
            self._stack += items[::-1]
        elif name.startswith("CALL"):
            self._call(name, argument)
        elif name == "KW_NAMES":
            self._keywords = self._code.consts[argument]
        elif name in ("BUILD_TUPLE", "BUILD_LIST", "LIST_EXTEND", "BUILD_SLICE"):
            self._build(name, argument)
        elif name in ("BINARY_SUBSCR", "BINARY_SLICE") or name.startswith("SLICE"):
            self._subscript(name)
        elif name.startswith("IMPORT_"):
            self._import(name, argument)
        elif name == "PUSH_NULL":
            push(NULL)
        elif name == "POP_TOP":
            dropped = self._stack.pop()
            if isinstance(dropped, str):
                self._lines.append(dropped)
        elif name in ("ROT_TWO", "SWAP") and argument in (0, 2):
            self._stack[-2:] = self._stack[:-3:-1]
        else:
            raise Untranslatable(f"it has the instruction {name}")

    def _compare(self, argument: int) -> None:
        right, left = self._pop(), self._pop()
        shift = {(3, 12): 4, (3, 13): 5}.get(self._release, 0)
        number = argument >> shift
        if shift and argument & 15 != COMPARED_BITS[number]:
            raise Untranslatable("a comparison that this release does not write")
        self._stack.append(f"({left} {COMPARED[number]} {right})")

    def _pop(self) -> str:
        value = self._stack.pop()
        if not isinstance(value, str):
            raise Untranslatable("a module or nothing in place of a value")
        return value

    def _pops(self, count: int) -> list:
        return [self._pop() for _ in range(count)][::-1]

    def _load_fast(self, argument: int) -> None:
        self._stack.append(self._code.variables[argument])

    _load_fast_check = _load_fast

    def _load_fast_load_fast(self, argument: int) -> None:
        self._load_fast(argument >> 4)
        self._load_fast(argument & 15)

    def _load_deref(self, argument: int) -> None:
        names = self._code.variables if self._release >= (3, 11) else self._code.free
        if names[argument] not in self._known:
            raise Untranslatable(f"the value of {names[argument]} around it is not stored")
        self._stack.append(names[argument])

    def _load_global(self, argument: int) -> None:
        newer = self._release >= (3, 11)
        name = self._code.names[argument >> 1 if newer else argument]
        if not hasattr(builtins, name):
            self._globals.add(name)
        pushed = [name] if not newer or not argument & 1 else [NULL, name]
        self._stack += pushed if self._release < (3, 13) else pushed[::-1]

    def _load_attr(self, argument: int) -> None:
        newer = self._release >= (3, 12)
        name = self._code.names[argument >> 1 if newer else argument]
        self._stack.append(f"{self._pop()}.{name}")
        if newer and argument & 1:
            self._stack.append(NULL)

    def _load_method(self, argument: int) -> None:
        self._stack.append(f"{self._pop()}.{self._code.names[argument]}")
        self._stack.append(NULL)

    def _store(self, argument: int) -> None:
        name, value = self._code.variables[argument], self._stack.pop()
        if name in self._stack:
            raise Untranslatable(f"{name} changes while it is in use")
        if isinstance(value, Import):
            self._lines.append(_import_line(value, name))
        elif isinstance(value, str):
            self._lines.append(f"{name} = {value}")
        else:
            raise Untranslatable("nothing is assigned")

    def _call(self, name: str, argument: int) -> None:
        keywords: Any = self._keywords
        self._keywords = ()
        has_null = name in ("CALL", "CALL_METHOD") or (name == "CALL_KW")
        if name in ("CALL_FUNCTION_KW", "CALL_KW"):
            keywords = tuple(_names_of(self._pop()))
        if name == "CALL_FUNCTION" and self._release < (3, 6):
            pairs = [self._pops(2) for _ in range(argument >> 8)][::-1]
            given = self._pops(argument & 0xFF)
            given += [f"{_names_of(key)[0]}={value}" for key, value in pairs]
        else:
            values = self._pops(argument)
            plain = len(values) - len(keywords)
            given = values[:plain]
            given += [f"{key}={value}" for key, value in zip(keywords, values[plain:])]
        if has_null:
            two = [self._stack.pop(), self._stack.pop()]
            function = next((entry for entry in two if isinstance(entry, str)), None)
            if function is None or NULL not in two:
                raise Untranslatable("a call of something other than a name")
        else:
            function = self._pop()
        self._stack.append(f"{function}({', '.join(given)})")

    def _build(self, name: str, argument: int) -> None:
        if name == "LIST_EXTEND":
            more, start = self._pop(), self._pop()
            self._stack.append(f"[*{start}, *{more}]")
            return
        values = self._pops(argument)
        inner = ", ".join(values)
        forms = {"BUILD_TUPLE": f"({inner},)" if values else "()", "BUILD_LIST": f"[{inner}]"}
        self._stack.append(forms.get(name, f"slice({inner})"))

    def _subscript(self, name: str) -> None:
        number = int(name[-1]) if name.startswith("SLICE") else 3
        if name == "BINARY_SUBSCR":
            index = self._pop()
        else:
            stop = self._pop() if number & 2 else ""
            start = self._pop() if number & 1 else ""
            index = f"{start}:{stop}"
        self._stack.append(f"{self._pop()}[{index}]")

    def _import(self, name: str, argument: int) -> None:
        module = self._code.names[argument]
        if name == "IMPORT_NAME":
            self._stack.pop()
            self._stack.pop()
            self._stack.append(Import(module))
        else:
            self._stack.append(Import(self._stack[-1].module, module))


def _import_line(value: Import, name: str) -> str:
    if value.name and value.module.endswith("." + value.name):
        return f"import {value.module} as {name}"  # as Python 3.7 and later import it
    if value.name:
        return f"from {value.module} import {value.name} as {name}"
    if "." in value.module and name == value.module.split(".")[0]:
        return f"import {value.module}"
    return f"import {value.module} as {name}"


def _is_float(text: str) -> bool:
    try:
        return not float(text.strip("()")).is_integer() or "." in text
    except ValueError:
        return False


def _names_of(text: str) -> list:
    """Return the names in the text of a constant, a string or a tuple of strings."""
    names = text.replace("(", "").replace(")", "").split(",")
    return [name.strip().strip("'") for name in names if name.strip()]


def _literal(value: Any) -> str:
    """Return a constant as source."""
    if isinstance(value, (list, tuple)) and not isinstance(value, Code):
        inner = "".join(_literal(member) + ", " for member in value)
        return f"({inner})" if isinstance(value, tuple) else f"[{inner}]"
    if not isinstance(value, SIMPLE):
        raise Untranslatable("it has an inner function")
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):  # noqa: PLR0124
        return f"float('{value}')"
    if value is Ellipsis:
        return "..."
    is_negative = isinstance(value, (int, float)) and value < 0
    return f"({value!r})" if is_negative else repr(value)
