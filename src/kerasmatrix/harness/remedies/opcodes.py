"""The instructions of Python's bytecode from 2.7 to 3.13, as far as simple functions use them.

(Source: Lib/opcode.py and Include/opcode.h of the releases.)
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["BINARY", "COMPARED", "COMPARED_BITS", "INFIX", "operations"]

COMPARED = ("<", "<=", "==", "!=", ">", ">=")
# The bits that 3.12 and later add to the number of a comparison.
COMPARED_BITS = (2, 10, 8, 7, 4, 12)
# What BINARY_OP of 3.11 and later means by its argument; from 13 on it assigns, too.
INFIX = ("+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^") * 2
BINARY = {
    "BINARY_MATRIX_MULTIPLY": "@", "BINARY_POWER": "**", "BINARY_MULTIPLY": "*",
    "BINARY_DIVIDE": "/", "BINARY_MODULO": "%", "BINARY_ADD": "+", "BINARY_SUBTRACT": "-",
    "BINARY_FLOOR_DIVIDE": "//", "BINARY_TRUE_DIVIDE": "/", "INPLACE_FLOOR_DIVIDE": "//",
    "INPLACE_TRUE_DIVIDE": "/", "INPLACE_ADD": "+", "INPLACE_SUBTRACT": "-",
    "INPLACE_MULTIPLY": "*",
}  # fmt: skip
# Python 2.7 to 3.12 number most of them alike.
COMMON = {
    1: "POP_TOP", 9: "NOP", 10: "UNARY_POSITIVE", 11: "UNARY_NEGATIVE", 12: "UNARY_NOT",
    15: "UNARY_INVERT", 25: "BINARY_SUBSCR", 83: "RETURN_VALUE", 92: "UNPACK_SEQUENCE",
    100: "LOAD_CONST",
    102: "BUILD_TUPLE", 103: "BUILD_LIST", 106: "LOAD_ATTR", 107: "COMPARE_OP",
    108: "IMPORT_NAME", 109: "IMPORT_FROM", 116: "LOAD_GLOBAL", 124: "LOAD_FAST",
    125: "STORE_FAST", 133: "BUILD_SLICE",
}  # fmt: skip
# Until 3.10.
OLDER = {
    2: "ROT_TWO", 16: "BINARY_MATRIX_MULTIPLY", 19: "BINARY_POWER", 20: "BINARY_MULTIPLY",
    22: "BINARY_MODULO", 23: "BINARY_ADD", 24: "BINARY_SUBTRACT", 26: "BINARY_FLOOR_DIVIDE",
    27: "BINARY_TRUE_DIVIDE", 28: "INPLACE_FLOOR_DIVIDE", 29: "INPLACE_TRUE_DIVIDE",
    55: "INPLACE_ADD", 56: "INPLACE_SUBTRACT", 57: "INPLACE_MULTIPLY", 131: "CALL_FUNCTION",
    136: "LOAD_DEREF", 144: "EXTENDED_ARG",
}  # fmt: skip
NEWER = {
    0: "CACHE", 2: "PUSH_NULL", 99: "SWAP", 122: "BINARY_OP", 137: "LOAD_DEREF",
    144: "EXTENDED_ARG", 149: "COPY_FREE_VARS", 151: "RESUME", 162: "LIST_EXTEND", 171: "CALL",
    172: "KW_NAMES",
}  # fmt: skip
# The further instructions of one release.
OWN = {
    (2, 7): {21: "BINARY_DIVIDE", 30: "SLICE+0", 31: "SLICE+1", 32: "SLICE+2", 33: "SLICE+3",
             145: "EXTENDED_ARG"},
    (3, 3): {},
    (3, 6): {141: "CALL_FUNCTION_KW"},
    (3, 7): {141: "CALL_FUNCTION_KW", 160: "LOAD_METHOD", 161: "CALL_METHOD"},
    (3, 11): {160: "LOAD_METHOD", 166: "PRECALL"},
    (3, 12): {26: "BINARY_SLICE", 121: "RETURN_CONST", 127: "LOAD_FAST_CHECK"},
}  # fmt: skip
OWN[3, 8] = OWN[3, 7]
OWN[3, 9] = OWN[3, 10] = {**OWN[3, 7], 162: "LIST_EXTEND"}
IN_3_13 = {
    0: "CACHE", 4: "BINARY_SLICE", 5: "BINARY_SUBSCR", 30: "NOP", 32: "POP_TOP", 34: "PUSH_NULL",
    36: "RETURN_VALUE", 41: "UNARY_INVERT", 42: "UNARY_NEGATIVE", 43: "UNARY_NOT",
    45: "BINARY_OP", 47: "BUILD_LIST", 50: "BUILD_SLICE", 52: "BUILD_TUPLE", 53: "CALL",
    57: "CALL_KW", 58: "COMPARE_OP", 62: "COPY_FREE_VARS", 71: "EXTENDED_ARG",
    74: "IMPORT_FROM", 75: "IMPORT_NAME", 81: "LIST_EXTEND", 82: "LOAD_ATTR", 83: "LOAD_CONST",
    84: "LOAD_DEREF", 85: "LOAD_FAST", 87: "LOAD_FAST_CHECK", 88: "LOAD_FAST_LOAD_FAST",
    91: "LOAD_GLOBAL", 103: "RETURN_CONST", 110: "STORE_FAST", 111: "STORE_FAST_LOAD_FAST",
    112: "STORE_FAST_STORE_FAST", 117: "UNPACK_SEQUENCE",
    149: "RESUME",
}  # fmt: skip
FIRST_WITH_ARGUMENT = 90
WORDS = (3, 6)  # since then each instruction is two bytes


def operations(code: bytes, release: tuple) -> Iterator[tuple]:
    """Yield the name and the argument of each instruction; 0 if it has none.

    An instruction that is not listed is called by its number.
    """
    names = _names(release)
    place = extended = 0
    while place < len(code):
        number = code[place]
        if release >= WORDS:
            argument, size = code[place + 1], 2
        elif number >= FIRST_WITH_ARGUMENT:
            argument, size = code[place + 1] | code[place + 2] << 8, 3
        else:
            argument, size = 0, 1
        argument |= extended
        place += size
        name = names.get(number, str(number))
        extended = argument << (8 if release >= WORDS else 16) if name == "EXTENDED_ARG" else 0
        if name != "EXTENDED_ARG":
            yield name, argument


def _names(release: tuple) -> dict:
    if release >= (3, 13):
        return IN_3_13
    return {**COMMON, **(NEWER if release >= (3, 11) else OLDER), **OWN[release]}
