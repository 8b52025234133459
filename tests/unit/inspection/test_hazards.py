import io
import pickle
import zipfile

import numpy as np
import pytest

from kerasmatrix.inspection.hazards import hazards
from kerasmatrix.inspection.inspect import read_model_file
from tests.unit.inspection.files import SEQUENTIAL, archive


def layer(class_name, module="keras.layers", **config):
    return {"class_name": class_name, "module": module, "config": {"name": "it", **config}}


def function(module, name):
    return {"class_name": "function", "module": module, "config": name, "registered_name": name}


def model(*layers):
    return {"class_name": "Sequential", "module": "keras", "config": {"layers": list(layers)}}


TORCH = {
    "class_name": "TorchModuleWrapper",
    "module": "keras.layers",
    "config": {"name": "it", "module": "gASV"},
}


@pytest.mark.parametrize(
    ("part", "kind", "names"),
    [
        (function("builtins", "exec"), "code", "builtins.exec"),
        (layer("Dense", activation=function("os", "system")), "code", "os.system"),
        (layer("Popen", "subprocess"), "code", "subprocess.Popen"),
        (function("keras.utils", "get_file"), "code", "keras.utils.get_file"),
        (TORCH, "pickle", "the argument 'module'"),
        (layer("TFSMLayer", filepath="/srv/model"), "file", "/srv/model"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "file", "/etc/passwd"),
        (
            layer("TimeDistributed", layer=layer("TextVectorization", vocabulary="words.txt")),
            "file",
            "words.txt",
        ),
    ],
)
def test_hazards_beyond_the_model_are_found(part, kind, names):
    (found,) = hazards(model(layer("Dense"), part))
    assert (found.kind, found.names) == (kind, names)
    assert names in found.sentence


@pytest.mark.parametrize(
    "part",
    [
        layer("Dense", activation="relu"),
        layer("Dense", activation=function("keras.activations", "gelu")),
        layer("Lambda", function=function("builtins", "scale_by_two")),
        layer("Gate", "my_layers"),
        layer("Gate", "__main__"),
        layer("StringLookup", vocabulary=["a", "b"]),
        layer("Dense", module="keras.src.layers.core.dense"),
    ],
)
def test_hazards_of_ordinary_layers_are_none(part):
    assert hazards(model(part)) == ()


def test_hazards_in_compile_settings_are_found():
    (found,) = hazards(SEQUENTIAL, {"loss": function("os", "system")})
    assert (found.layer, found.names) == ("the model", "os.system")


def test_hazards_deep_nesting_ends():
    config = layer("Dense")
    for _ in range(5000):
        config = {"config": config}
    assert hazards(config) == ()


def arrays(**members):
    content = io.BytesIO()
    np.savez(content, **members)
    return content.getvalue()


def damaged():
    return arrays(kernel=np.zeros(4))[:-30]


@pytest.mark.parametrize(
    ("content", "is_pickled"),
    [
        (arrays(kernel=np.zeros(4, "float32")), False),
        (arrays(kernel=np.array([{}], dtype=object)), True),
        (pickle.dumps({}), True),
        (damaged(), True),
        (b"", False),
    ],
)
def test_archive_with_pickled_arrays_is_unsafe(tmp_path, content, is_pickled):
    path = archive(tmp_path / "model.keras", weights=False)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("model.weights.npz", content)
    found = read_model_file(path)
    kinds = [(hazard.kind, hazard.layer) for hazard in found.hazards]
    assert kinds == ([("pickle", "model.weights.npz")] if is_pickled else [])
    assert not (is_pickled and found.is_plain_data)
