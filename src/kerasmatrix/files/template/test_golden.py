"""Files that earlier releases saved load, and compute what they computed there.

golden.json lists the files, each with the release that saved it, its sample inputs and outputs, and
why it does not load, if that is known.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

FOLDER = Path(__file__).parent
CASES = json.loads((FOLDER / "golden.json").read_text())


def arrays(path, kind):
    with np.load(path) as stored:
        return [stored[name] for name in sorted(stored.files) if name.startswith(kind)]


def as_list(outputs):
    if isinstance(outputs, dict):
        return [outputs[name] for name in sorted(outputs)]
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize("case", CASES, ids=[case["file"] for case in CASES])
def test_golden_file_computes_the_same(case, request):
    if case["known"]:
        request.applymarker(pytest.mark.xfail(reason=case["known"], strict=False))
    model = keras.models.load_model(FOLDER / case["file"])
    inputs = arrays(FOLDER / case["sample"], "input_")
    expected = arrays(FOLDER / case["sample"], "output_")
    inputs = [keras.ops.convert_to_tensor(array) for array in inputs]
    outputs = as_list(model(inputs[0] if len(inputs) == 1 else inputs))
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(output),
            wanted,
            rtol=case["relative"],
            atol=case["absolute"],
        )
