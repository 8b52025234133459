"""Bytecode of several Pythons, all compiled of one function."""

import base64
import marshal
from types import FunctionType

import pytest

from kerasmatrix.harness.remedies import bytecode, lambdas

LINES = (
    "y = K.sum(K.square(x), axis=[1, 2], keepdims=True)",
    "return (x[(slice(None, None), 0,)] / K.sqrt((y + 1e-07)))",
)
COMPILED = {
    "2.7": (
        "YwEAAAACAAAABgAAAEMAAABzTwAAAHQAAGoBAHQAAGoCAHwAAIMBAGQBAGQCAGQDAGcCAGQEAHQDAIMB"
        "An0BAHwAAGQAAGQAAIUCAGQFAGYCABl0AABqBAB8AQBkBgAXgwEAFVMoBwAAAE50BAAAAGF4aXNpAQAA"
        "AGkCAAAAdAgAAABrZWVwZGltc2kAAAAAZ0ivvJry13o+KAUAAAB0AQAAAEt0AwAAAHN1bXQGAAAAc3F1"
        "YXJldAQAAABUcnVldAQAAABzcXJ0KAIAAAB0AQAAAHh0AQAAAHkoAAAAACgAAAAAcwgAAAA8c3RyaW5n"
        "PnQEAAAAYm9keQIAAABzBAAAAAABKgE="
    ),
    "3.6": (
        "4wEAAAAAAAAAAgAAAAUAAABDAAAAczgAAAB0AGoBdABqAnwAgwFkAWQCZwJkA2QEjQN9AXwAZABkAIUC"
        "ZAVmAhkAdABqA3wBZAYXAIMBGwBTACkHTukBAAAA6QIAAABUKQLaBGF4aXPaCGtlZXBkaW1z6QAAAADn"
        "SK+8mvLXej4pBNoBS9oDc3Vt2gZzcXVhcmXaBHNxcnQpAtoBeNoBeakAcg0AAADaCDxzdHJpbmc+2gRi"
        "b2R5AgAAAHMEAAAAAAEaAQ=="
    ),
    "3.8": (
        "4wEAAAAAAAAAAAAAAAIAAAAFAAAAQwAAAPM4AAAAdABqAXQAoAJ8AKEBZAFkAmcCZANkBI0DfQF8AGQA"
        "ZACFAmQFZgIZAHQAoAN8AWQGFwChARsAUwCpB07pAQAAAOkCAAAAVCkC2gRheGlz2ghrZWVwZGltc+kA"
        "AAAA50ivvJry13o+qQTaAUvaA3N1bdoGc3F1YXJl2gRzcXJ0qQLaAXjaAXmpAHIRAAAA2gFm2gRib2R5"
        "AgAAAPMEAAAAAAEaAQ=="
    ),
    "3.11": (
        "4wEAAAAAAAAAAAAAAAUAAAADAAAA88QAAACXAHQAAAAAAAAAAAAAAKABAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAB0AAAAAAAAAAAAAACgAgAAAAAAAAAAAAAAAAAAAAAAAAAAfACmAQAAqwEAAAAAAAAAAGQBZAJnAmQD"
        "rASmAwAAqwMAAAAAAAAAAH0BfABkAGQAhQJkBWYCGQAAAAAAAAAAAHQAAAAAAAAAAAAAAKADAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAB8AWQGegAAAKYBAACrAQAAAAAAAAAAegsAAFMAqQdO6QEAAADpAgAAAFQpAtoE"
        "YXhpc9oIa2VlcGRpbXPpAAAAAOdIr7ya8td6PqkE2gFL2gNzdW3aBnNxdWFyZdoEc3FydCkC2gF42gF5"
        "cwIAAAAgINoBZtoEYm9keXIRAAAAAgAAAPNOAAAAgADdCAmPBYoFjWGPaIpokHGJa4xroBGgQaAGsBSI"
        "BdEINtQINoBB2AsMiFGIUYhRkAGIVIw3lVGXVpJWmEGgBJlI0RUl1BUl0Qsl0AQl8wAAAAA="
    ),
    "3.13": (
        "4wEAAAAAAAAAAAAAAAYAAAADAAAA85oAAACVAFsAAAAAAAAAAABSAwAAAAAAAAAAAAAAAAAAAAAAAFsA"
        "AAAAAAAAAABSBQAAAAAAAAAAAAAAAAAAAAAAAFUANQEAAAAAAABTAVMCLwJTA1MEOQNuAVUAUwBTADIC"
        "UwU0AgUAAABbAAAAAAAAAAAAUgcAAAAAAAAAAAAAAAAAAAAAAABVAVMGLQAAADUBAAAAAAAALQsAACQA"
        "qQdO6QEAAADpAgAAAFQpAtoEYXhpc9oIa2VlcGRpbXPpAAAAAOdIr7ya8td6PqkE2gFL2gNzdW3aBnNx"
        "dWFyZdoEc3FydCkC2gF42gF5cwIAAAAgINoBZtoEYm9keXIRAAAAAgAAAPNCAAAAgADcCAmPBYkFjGGP"
        "aIlokHGLa6ARoEGgBrAUiAXQCDaAQdgLDIpRkAGIVIk3lFGXVpFWmEGgBJlI0xUl0Qsl0AQl8wAAAAA="
    ),
}


def translate(function, closure=None):
    return bytecode.translate(marshal.dumps(function.__code__), closure)


@pytest.mark.parametrize("python", sorted(set(COMPILED) - {"2.7"}))
def test_translate_reads_bytecode_of_any_python(python):
    source = bytecode.translate(base64.b64decode(COMPILED[python]))
    assert (source.arguments, source.lines) == (("x",), LINES)
    assert source.names == {"K"}
    assert tuple(map(int, python.split("."))) in source.releases


def test_translate_division_of_python_2_is_refused():
    with pytest.raises(bytecode.Untranslatable, match="division"):
        bytecode.translate(base64.b64decode(COMPILED["2.7"]))


def test_translate_sets_variables_around_the_function():
    factor = 2.5
    source = translate(lambda x: x * factor, [2.5])
    assert source.lines == ("factor = 2.5", "return (x * factor)")


def test_translate_unstored_variable_around_is_refused():
    factor = 2.5
    with pytest.raises(bytecode.Untranslatable):
        translate(lambda x: x * factor)


@pytest.mark.parametrize(
    "function",
    [lambda x: x or 1, lambda x: {y + 1 for y in x}, lambda x: lambda: x, lambda *, x: x],
)
def test_translate_branches_and_inner_functions_are_refused(function):
    with pytest.raises(bytecode.Untranslatable):
        translate(function)


@pytest.mark.parametrize("data", [b"", b"c", b"garbage", marshal.dumps((1, 2))])
def test_translate_other_data_is_refused(data):
    with pytest.raises(bytecode.Untranslatable):
        bytecode.translate(data)


def test_translated_lambda_runs_in_this_python():
    # As Keras 2.0 stores the code, for Python 2.7: x ** 2
    raw = (
        "c\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00C\x00\x00\x00"
        "s\x08\x00\x00\x00|\x00\x00d\x01\x00\x13S(\x02\x00\x00\x00Ni\x02\x00\x00\x00(\x00\x00\x00\x00"
        "(\x01\x00\x00\x00t\x01\x00\x00\x00x(\x00\x00\x00\x00(\x00\x00\x00\x00s\x01\x00\x00\x00f"
        "t\x01\x00\x00\x00f\x01\x00\x00\x00s\x00\x00\x00\x00"
    )
    config = {"function": [raw, None, None], "function_type": "lambda", "output_shape": None}
    written, sources = lambdas.translated(config)
    assert sources == ["def function(x):\n    return (x ** 2)\n"]
    code = marshal.loads(base64.b64decode(written["function"][0]))
    function = FunctionType(code, {})
    assert function(3) == 9
    assert function.__name__ == "<lambda>"  # or Keras 3 would not save its code again


def test_translated_leaves_what_it_does_not_understand():
    config = {"function": ["Y29kZQ==", None, None], "function_type": "lambda"}
    assert lambdas.translated(config) == (config, [])


def test_with_translated_finds_lambdas_in_nested_models():
    code = base64.b64encode(marshal.dumps((lambda x: x + 1).__code__)).decode()
    layer = {"class_name": "Lambda", "config": {"name": "l", "function": [code, None, None]}}
    model = {"class_name": "Model", "config": {"layers": [{"config": {"layers": [layer]}}]}}
    written, sources = lambdas.with_translated(model)
    assert sources == ["def function(x):\n    return (x + 1)\n"]
    assert written["config"]["layers"][0]["config"]["layers"][0]["config"]["name"] == "l"
