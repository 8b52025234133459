import io
import json
import pickle
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.inspection.hazards import hazards
from kerasmatrix.inspection.inspect import read_model_file
from tests.unit.inspection import files
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

LAMBDA_OF_KERAS_2 = {
    "class_name": "Lambda",
    "config": {"name": "it", "function": "system", "function_type": "function", "module": "os"},
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
        (function("keras.models", "load_model"), "code", "keras.models.load_model"),
        (function("keras.applications.vgg16", "VGG16"), "code", "keras.applications.vgg16.VGG16"),
        (layer("CSVLogger", "keras.callbacks"), "code", "keras.callbacks.CSVLogger"),
        (function("pandas", "read_pickle"), "code", "pandas.read_pickle"),
        (function("numpy", "load"), "code", "numpy.load"),
        (function("tensorflow", "load_op_library"), "code", "tensorflow.load_op_library"),
        (
            function("tensorflow.python.lib.io.file_io", "rename"),
            "code",
            "tensorflow.python.lib.io.file_io.rename",
        ),
        (layer("TFOpLambda", function="io.gfile.remove"), "code", "tf.io.gfile.remove"),
        (layer("TFOpLambda", function="raw_ops.WriteFile"), "code", "tf.raw_ops.WriteFile"),
        (layer("TFOpLambda", function="compat.v1.py_func"), "code", "tf.compat.v1.py_func"),
        (LAMBDA_OF_KERAS_2, "code", "os.system"),
        (
            layer("Lambda", mask="system", mask_type="function", mask_module="os"),
            "code",
            "os.system",
        ),
        (layer("KerasLayer", handle="https://x.test/m"), "file", "https://x.test/m"),
        (layer("GPT2Tokenizer", merges="~/merges.txt"), "file", "~/merges.txt"),
    ],
)
def test_hazards_beyond_the_model_are_found(part, kind, names):
    (found,) = hazards(model(layer("Dense"), part))
    assert (found.kind, found.names) == (kind, names)
    assert names in found.sentence


@pytest.mark.parametrize(
    "part",
    [
        layer("TFOpLambda", function="math.reduce_mean"),
        layer("TFOpLambda", function="io.decode_raw"),
        layer("TFOpLambda", function="debugging.assert_equal"),
        layer("SlicingOpLambda", function="__operators__.getitem"),
        layer("Lambda", mask="relu", mask_type="function", mask_module="keras.activations"),
        layer("Lambda", mask="own", mask_type="function", mask_module="__main__"),
        function("keras.applications.vgg16", "preprocess_input"),
        function("tensorflow.python.ops.nn_ops", "relu"),
        layer("SentencePieceTokenizer", proto="CgA="),
        layer("WordPieceTokenizer", vocabulary=["a", "b"]),
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


def saved_model(folder, *operations, assets=()):
    """Write a SavedModel with these operations in a function, and the names of these assets."""
    files.saved_model(folder)
    node = b"".join(files.message(3, files.message(2, name.encode())) for name in operations)
    graph = files.message(2, files.message(2, files.message(1, node)))
    graph += b"".join(files.message(6, files.message(2, name.encode())) for name in assets)
    (folder / "saved_model.pb").write_bytes(files.number(1, 1) + files.message(2, graph))
    return folder


def names_of_hazards(path):
    return [(hazard.kind, hazard.names) for hazard in read_model_file(path).hazards]


def test_hazards_in_graph_of_saved_model_are_found(tmp_path):
    path = saved_model(
        tmp_path / "model", "MatMul", "WriteFile", "PyFunc", assets=["a.txt", "../b"]
    )
    assert names_of_hazards(path) == [
        ("code", "the operation PyFunc"),
        ("file", "the operation WriteFile"),
        ("file", "../b"),
    ]


def test_hazards_usual_saved_model_has_none(tmp_path):
    operations = ("SaveV2", "RestoreV2", "MergeV2Checkpoints", "InitializeTableFromTextFileV2")
    assert names_of_hazards(saved_model(tmp_path / "model", *operations, assets=["a.txt"])) == []


def test_hazards_other_files_of_hdf5_are_found(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        weights = file["model_weights"]
        weights["link"] = h5py.ExternalLink("/srv/a.h5", "/")
        weights.create_dataset("apart", (4,), "u1", external=[("/srv/b.bin", 0, 4)])
        layout = h5py.VirtualLayout((4,), "u1")
        layout[:] = h5py.VirtualSource("/srv/c.h5", "x", (4,))
        weights.create_virtual_dataset("virtual", layout)
    expected = [("file", "/srv/b.bin"), ("file", "/srv/c.h5"), ("file", "/srv/a.h5")]
    assert sorted(names_of_hazards(path)) == sorted(expected)


def test_hazards_virtual_array_names_files_other_than_its_own(tmp_path):
    path = files.hdf5_model(tmp_path / "model.h5")
    with h5py.File(path, "r+") as file:
        file["part"] = [1, 2]
        for name, sources in (("own", ["."]), ("mixed", [".", "/srv/c.h5"])):
            layout = h5py.VirtualLayout((2 * len(sources),), "i8")
            for number, source in enumerate(sources):
                layout[2 * number : 2 * number + 2] = h5py.VirtualSource(source, "part", (2,))
            file["model_weights"].create_virtual_dataset(name, layout)
    assert names_of_hazards(path) == [("file", "/srv/c.h5")]


@pytest.mark.parametrize("name", ["../x", "/x", "a\\..\\..\\x", "C:\\x"])
def test_hazards_member_that_leads_out_is_found(tmp_path, name):
    path = archive(tmp_path / "model.keras")
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(name, "x")
    assert names_of_hazards(path) == [("file", name)]


def test_hazards_in_configs_of_preset_are_found(tmp_path):
    path = files.unpacked(tmp_path / "preset")
    (path / "tokenizer.json").write_text(json.dumps(function("os", "system")))
    assert names_of_hazards(path) == [("code", "os.system")]
    assert any("a preset of KerasHub" in note for note in read_model_file(path).notes)


def test_hazards_in_mlmodel_are_found(tmp_path):
    (tmp_path / "data").mkdir()
    archive(tmp_path / "data" / "model.keras")
    (tmp_path / "MLmodel").write_text(
        "flavors:\n"
        "  keras: {keras_module: tensorflow.keras, data: data}\n"
        "  python_function: {loader_module: os, code: ../code}\n"
    )
    assert names_of_hazards(tmp_path) == [("code", "os"), ("file", "../code")]
