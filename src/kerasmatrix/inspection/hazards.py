"""Finds parts of a model that reach beyond it when it is loaded: named code, other files. Pure.

A config of Keras 2.13 and later names every object by module and class, and the releases without
the fixes that docs/security.md lists import and call what is named.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from kerasmatrix.inspection.architecture import OWN_MODULES, words
from kerasmatrix.inspection.facts import Hazard

__all__ = ["ACTING_OPERATIONS", "MOST_HAZARDS", "hazards"]

# Deeper values are cut off elsewhere, too (strict_json.py).
DEEPEST = 200
MOST_HAZARDS = 50
# Programs have modules of these names, too; a class in one is named as a custom class anyway.
OFTEN_PROGRAMS = {"__main__", "code", "test", "types"}
STANDARD_LIBRARY = sys.stdlib_module_names - OFTEN_PROGRAMS
BUILTINS = frozenset(dir(builtins))
# The parts of Keras whose functions act on a program or a machine; models do not name them.
ACTING = {
    "callbacks", "config", "datasets", "distribution", "export", "models", "preprocessing",
    "saving", "trainers", "utils", "wrappers",
}  # fmt: skip
APPLICATIONS, SCALE = "applications", "preprocess_input"  # the others there download weights
# Packages that read, fetch or run what they are called with; no model needs them to be loaded.
ACTING_PACKAGES = {
    "boto3", "cloudpickle", "dill", "fsspec", "gcsfs", "h5py", "huggingface_hub", "joblib",
    "kagglehub", "mlflow", "pandas", "pip", "pkg_resources", "requests", "s3fs", "setuptools",
    "skops", "urllib3", "wget", "yaml",
}  # fmt: skip
# Parts of TensorFlow, and of other packages of arrays, of which the same is true.
ACTING_PARTS = {
    "client", "data", "debug", "distribute", "f2py", "gfile", "hub", "profiler", "saved_model",
    "summary", "test", "tools", "train", "training", "lib", "platform", "python_io",
}  # fmt: skip
ACTING_NAMES = {
    "fromfile", "fromregex", "genfromtxt", "load", "load_file_system_library", "load_library",
    "load_op_library", "load_pluggable_device_library", "loadtxt", "matching_files", "memmap",
    "match_filenames_once", "numpy_function", "open_memmap", "print_v2", "py_func", "py_function",
    "read_file", "save", "savetxt", "savez", "savez_compressed", "write_file", "write_graph",
    "DataSource", "TFRecordWriter", "TextFileInitializer",
}  # fmt: skip
ARRAYS = {"jax", "numpy", "scipy", "tensorflow", "tensorflow_hub", "torch"}
# Layers that call a function of TensorFlow by its public name (Keras 2 layers/core/tf_op_layer.py).
CALLS_BY_NAME = {"TFOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty",
                 "SlicingOpLambda"}  # fmt: skip
# The arguments of Keras 2's Lambda that are code, each with the keys of its type and its module.
LAMBDA_CODE = ("function", "output_shape", "mask")
# The arguments of layers that can be the path of a file, by class. TFSMLayer: Keras 3
# layers/layer.py; the lookups: the `vocabulary` of their constructors in Keras 2.15 and 3.15;
# KerasLayer: tensorflow_hub's keras_layer.py, which downloads it.
PATHS = {
    "TFSMLayer": ("filepath",),
    "IndexLookup": ("vocabulary",),
    "IntegerLookup": ("vocabulary",),
    "StringLookup": ("vocabulary",),
    "TextVectorization": ("vocabulary",),
    "KerasLayer": ("handle",),
    "TextFileInitializer": ("filename",),
}
# The tokenizers of KerasHub, whose files a config names if they were not given as lists or bytes.
TOKENIZER, TOKENIZER_PATHS = "Tokenizer", ("vocabulary", "merges", "proto")
LEADS = re.compile(
    r"(?:[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]|[a-z][a-z0-9+.-]*://)|.*\.(?:txt|json|spm|model)$"
)
# Operations of a graph that reach files or a program (tensorflow/core/ops: io_ops.cc,
# dataset_ops.cc, experimental_dataset_ops.cc, checkpoint_ops.cc, summary_ops.cc, script_ops.cc).
# Those that every SavedModel has for its own variables and vocabularies are not among them.
ACTING_OPERATIONS: Mapping[str, Literal["code", "file"]] = {
    **dict.fromkeys(("EagerPyFunc", "PyFunc", "PyFuncStateless", "RemoteCall"), "code"),
    **dict.fromkeys(
        (
            "CSVDataset", "CSVDatasetV2", "CacheDataset", "CacheDatasetV2", "CreateSummaryDbWriter",
            "CreateSummaryFileWriter", "DataServiceDataset", "DataServiceDatasetV2",
            "DataServiceDatasetV3", "DataServiceDatasetV4", "DatasetToTFRecord", "DebugIdentity",
            "DebugIdentityV2", "ExperimentalCSVDataset", "ExperimentalDatasetToTFRecord",
            "ExperimentalLMDBDataset", "ExperimentalMatchingFilesDataset", "ExperimentalSqlDataset",
            "FixedLengthRecordDataset", "FixedLengthRecordDatasetV2", "FixedLengthRecordReader",
            "FixedLengthRecordReaderV2", "GenerateVocabRemapping", "LMDBDataset", "LMDBReader",
            "LoadAndRemapMatrix", "LoadDataset", "MatchingFiles", "MatchingFilesDataset",
            "ReadFile",
            "Save", "SaveDataset", "SaveDatasetV2", "SaveSlices", "SnapshotDataset",
            "SnapshotDatasetV2", "SqlDataset", "TFRecordDataset", "TFRecordDatasetV2",
            "TFRecordReader", "TFRecordReaderV2", "TextLineDataset", "TextLineReader",
            "TextLineReaderV2", "WholeFileReader", "WholeFileReaderV2", "WriteFile",
        ),
        "file",
    ),
}  # fmt: skip
# A layer that unpickles an argument (Keras 3 utils/torch_utils.py).
PICKLED = {"TorchModuleWrapper": "module"}


def hazards(*configs: object) -> tuple[Hazard, ...]:
    """Return the hazards in an architecture and in compile settings, outermost first."""
    found = (hazard for config in configs for hazard in _below(config, "the model", 0))
    return tuple(dict.fromkeys(found))[:MOST_HAZARDS]


def _below(value: object, layer: str, depth: int) -> Iterator[Hazard]:
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _below(item, layer, depth + 1)
    elif isinstance(value, Mapping):
        config = value.get("config")
        if "class_name" in value:
            name = config.get("name") if isinstance(config, Mapping) else None
            layer = words(name) if isinstance(name, str) else layer
            yield from _of_object(value, layer)
        for item in value.values():
            yield from _below(item, layer, depth + 1)


def _of_object(value: Mapping[str, Any], layer: str) -> Iterator[Hazard]:
    class_name, config = words(value.get("class_name")), value.get("config")
    module = value.get("module")
    is_function = class_name == "function" and isinstance(config, str)
    name = words(config) if is_function else class_name
    if isinstance(module, str) and _names_code(module, name, is_function=is_function):
        yield Hazard(kind="code", layer=layer, names=f"{words(module)}.{name}")
    if isinstance(config, Mapping):
        plain = class_name.rpartition(">")[2]
        yield from (
            Hazard(kind="code", layer=layer, names=code) for code in _code_by_name(plain, config)
        )
        pickled = PICKLED.get(plain, "")
        if isinstance(config.get(pickled), str):
            yield Hazard(kind="pickle", layer=layer, names=f"the argument {pickled!r}")
        for path in _paths(plain, config):
            yield Hazard(kind="file", layer=layer, names=words(path))


def _code_by_name(class_name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the functions outside a model that Keras 2's layers look up by their names."""
    if class_name == "Lambda":
        for key in LAMBDA_CODE:
            module = config.get("module" if key == "function" else f"{key}_module")
            name = config.get(key)
            by_name = config.get(f"{key}_type") == "function"
            if by_name and isinstance(module, str) and isinstance(name, str):
                yield from [f"{module}.{name}"] * _names_code(module, name, is_function=True)
    function = config.get("function", config.get("cls_ref"))
    if class_name in CALLS_BY_NAME and isinstance(function, str):
        *parts, name = function.split(".")
        operation = name in ACTING_OPERATIONS and "raw_ops" in parts
        if operation or name in ACTING_NAMES or ACTING_PARTS.intersection(parts):
            yield words(f"tf.{function}")


def _paths(class_name: str, config: Mapping[str, Any]) -> Iterator[str]:
    keys = PATHS.get(class_name, ())
    yield from (path for key in keys if isinstance(path := config.get(key), str) and path)
    if class_name.endswith(TOKENIZER):
        for key in TOKENIZER_PATHS:
            path = config.get(key)
            if isinstance(path, str) and LEADS.match(path):
                yield path


def _names_code(module: str, name: str, *, is_function: bool) -> bool:
    """Return whether an object is code of Python, or a function that acts outside a model.

    Keras writes every function of a program as one of the module ``builtins``.
    """
    root, *rest = module.split(".")
    if root == "builtins":
        return is_function and name in BUILTINS
    if root in ACTING_PACKAGES or root in STANDARD_LIBRARY:
        return True
    if root in OWN_MODULES and (root != "tensorflow" or "keras" in rest):
        if APPLICATIONS in rest:
            return is_function and name != SCALE
        return "callbacks" in rest or (is_function and bool(ACTING.intersection(rest)))
    acting = name in ACTING_NAMES or (is_function and bool(ACTING_PARTS.intersection(rest)))
    return root in ARRAYS and acting
