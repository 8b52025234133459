import base64
import marshal

import pytest

from kerasmatrix.inspection.lambdas import names_in


def test_names_in_code_are_globals_attributes_arguments():
    code = compile("lambda inputs: tf.square(inputs)", "m.py", "eval").co_consts[0]
    stored = base64.encodebytes(marshal.dumps(code)).decode()
    assert {"tf", "square", "inputs"} <= names_in([stored, None, None])


@pytest.mark.parametrize("function", [None, "sampling", ["é", None, None], [None, 1], {}])
def test_names_in_anything_else_are_none(function):
    assert names_in(function) == frozenset()
