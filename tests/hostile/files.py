"""Files that attack their reader, each with the promise that it must not break.

They are made without TensorFlow. ``secret`` is the path of another file, whose content must not
appear in any answer.
"""

import bz2
import io
import json
import os
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from tests.unit.inspection import files

SECRET = "the key of another house"  # must not appear in any answer
# Text with an effect on a page, a terminal, a spreadsheet and Markdown, unless it is escaped.
ACTIVE = "</script><script>alert(1)</script>\x1b]0;owned\x07\x1b[2J[red]\u202e|`=1+1"
# The same without a slash, for the name of a file.
NAME = '"><img src=x onerror=alert(1)>&lt;\x1b]0;owned\x07{{ 7*7 }}'


@dataclass(frozen=True)
class Hostile:
    """A kind of file; ``make(folder, secret)`` returns its path.

    ``said`` is a regular expression that the error or the notes of `inspect` must match. If it is
    None the file is read like any other.
    """

    name: str
    make: Callable[[Path, Path], Path]
    promise: str
    said: str | None = None
    digest: bool = False


KINDS: list[Hostile] = []


def hostile(promise: str, said: str | None = None, *, digest: bool = False):
    def note(make):
        KINDS.append(Hostile(make.__name__, make, promise, said, digest))
        return make

    return note


def config(*layers):
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def layer(name="it", **more):
    return {"class_name": "Dense", "config": {"name": name, "units": 1, **more}}


def naming(module, name):
    """Return a layer with a function as its activation."""
    function = {"module": module, "class_name": "function", "config": name}
    return layer(activation=function)


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def archive(folder, configuration, metadata=b'{"keras_version": "3.4.1"}'):
    if not isinstance(configuration, str | bytes):
        configuration = json.dumps(configuration)
    members = [("metadata.json", metadata), ("config.json", configuration)]
    return zipped(folder / "model.keras", members)


def with_names_that_act(path):
    """Write a model with active text in its name, a layer's and a class's; return its path."""
    layers = [
        layer(ACTIVE),
        layer(NAME),
        {"class_name": f"{NAME}{ACTIVE}", "config": {"name": "n"}},
    ]
    model = config(*layers)
    model["config"]["name"] = ACTIVE
    written = files.hdf5_model(path, model)
    with h5py.File(written, "r+") as file:
        file.attrs["model_config"] = np.bytes_(json.dumps(model))  # bytes, for every h5py
    return written


# ---- archives ----


@hostile("a member is unpacked up to the maximum of a config", "claims to be")
def archive_config_bomb(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b" " * (40 << 20))]
    return zipped(path, members, zipfile.ZIP_DEFLATED)


@hostile("a member is unpacked up to its declared size", "damaged")
def archive_config_with_false_size(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b" " * (8 << 20))]
    data = bytearray(zipped(path, members, zipfile.ZIP_DEFLATED).read_bytes())
    for signature, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        last = data.rfind(signature)
        data[last + place : last + place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    return path


@hostile("weights larger than memory are not unpacked", "too large to unpack")
def archive_weights_bomb(folder, secret):
    path = files.archive(folder / "model.keras", compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 3 << 30)
    path.write_bytes(data)
    return path


@hostile("unpacking bzip2 keeps to the memory limit", "claims|damaged|memory")
def archive_bzip2_bomb(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b"\0" * (31 << 20))]
    return zipped(path, members, zipfile.ZIP_BZIP2)


@hostile("an unknown compression is damage", "damaged")
def archive_unknown_compression(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        last = data.rfind(signature)
        data[last + place : last + place + 2] = struct.pack("<H", 77)
    path.write_bytes(data)
    return path


@hostile("no file is written outside, and the path is reported", "leads out of the folder")
def archive_parent_path(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("assets/../../../escaped.txt", "out")
    return path


@hostile("no file is written outside, and the path is reported", "leads out of the folder")
def archive_absolute_path(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(f"{folder}/escaped.txt", "out")
    return path


@hostile("a link in an archive is not followed, and reported", "symbolic link")
def archive_symbolic_link(folder, secret):
    path = archive(folder, config())
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(link, str(secret))
    return path


@hostile(
    "the duplicate is reported, and the one read that Keras reads", "more than one 'config.json'"
)
def archive_two_configs(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.writestr("config.json", json.dumps(config(layer())))
    return path


@hostile("a long list of members is read within limits")
def archive_many_members(folder, secret):
    members = [(f"assets/{number}", b"") for number in range(20_000)]
    usual = [("metadata.json", "{}"), ("config.json", json.dumps(config()))]
    return zipped(folder / "model.keras", [*usual, *members])


@hostile("overlapping members are read once", "damaged|no weights")
def archive_overlapping_members(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    first, last = data.find(b"PK\x01\x02"), data.rfind(b"PK\x01\x02")
    data[last + 42 : last + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    return path


@hostile("the error names the kind of damage", "encrypted")
def archive_encrypted(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


@hostile("the error names the kind of damage", "damaged")
def archive_truncated(folder, secret):
    path = files.archive(folder / "model.keras")
    path.write_bytes(path.read_bytes()[:-70])
    return path


@hostile(
    "a config is read in the encoding that Keras reads, and what it names is reported", "os.system"
)
def archive_config_in_utf_16(folder, secret):
    return archive(folder, json.dumps(config(naming("os", "system"))).encode("utf-16"))


@hostile("no package is imported, and its function is reported", "pandas.read_pickle")
def archive_names_a_package(folder, secret):
    return archive(folder, config(naming("pandas", "read_pickle")))


@hostile("no file is read, and the path is reported", "secret.txt")
def archive_tokenizer_reads_a_path(folder, secret):
    tokenizer = {"class_name": "GPT2Tokenizer", "config": {"name": "t", "merges": str(secret)}}
    return archive(folder, config(tokenizer))


@hostile("arrays of the weights in another file are reported, not read", "secret.txt", digest=True)
def archive_weights_in_other_file(folder, secret):
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        place = [(str(secret), 0, len(SECRET))]
        file.create_dataset("layers/dense/vars/0", (len(SECRET),), "u1", external=place)
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("model.weights.h5", held.getvalue())
    return path


@hostile("paths of Windows lead out, too", "leads out of the folder")
def archive_windows_paths(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("C:\\windows\\x", "out")
        opened.writestr("..\\..\\escaped.txt", "out")
    return path


@hostile("the archive is read that zipfile reads, and the other reported", "precede the archive")
def archive_two_in_one(folder, secret):
    first = archive(folder, config(naming("os", "system"))).read_bytes()
    path = archive(folder, config())
    path.write_bytes(first + path.read_bytes())
    return path


@hostile("a preset's other configs are read, and what they name is reported", "os.system")
def preset_names_code(folder, secret):
    path = files.unpacked(folder / "preset")
    named = {"module": "os", "class_name": "function", "config": "system"}
    (path / "tokenizer.json").write_text(json.dumps(named))
    return path


@hostile("no module is imported, and its name is reported", "antigravity")
def mlflow_imports_a_module(folder, secret):
    (folder / "model" / "data").mkdir(parents=True)
    archive(folder / "model" / "data", config())
    flavors = "flavors: {python_function: {loader_module: antigravity, code: ../../x}}"
    (folder / "model" / "MLmodel").write_text(flavors)
    return folder / "model"


@hostile("a list is not a config", "damaged")
def archive_config_is_list(folder, secret):
    return archive(folder, [config()])


@hostile("a list is not metadata", "damaged")
def archive_metadata_is_list(folder, secret):
    return archive(folder, config(), "[1]")


# ---- configs ----


@hostile("deep nesting does not crash the reader", "nested too deeply")
def config_deeply_nested(folder, secret):
    return archive(folder, '{"config":' * 100_000 + "1" + "}" * 100_000)


@hostile("the tree of layers is cut off")
def config_nested_wrappers(folder, secret):
    nested = layer()
    for _ in range(300):
        nested = {"class_name": "TimeDistributed", "config": {"name": "w", "layer": nested}}
    return archive(folder, config(nested))


@hostile("the number of layers is limited", "more than 100,000 layers")
def config_too_many_layers(folder, secret):
    one = json.dumps(layer())
    layers = ",".join([one] * 110_000)
    return archive(folder, '{"class_name":"Sequential","config":{"layers":[' + layers + "]}}")


@hostile("the duplicate is reported, and the one read that Keras reads", "twice in one object")
def config_duplicate_key(folder, secret):
    return archive(folder, '{"class_name": "Sequential", "config": {}, "class_name": "Functional"}')


@hostile("the file is damaged", "damaged")
def config_not_unicode(folder, secret):
    return archive(folder, b'{"class_name": "Seq\xff\xfe", "config": {}}')


@hostile("the file is damaged", "damaged")
def config_huge_number(folder, secret):
    text = '{"class_name":"S","config":{"batch_shape":[' + "9" * 100_000 + "]}}"
    return archive(folder, text)


@hostile("numbers that are not finite are left out")
def config_not_finite_numbers(folder, secret):
    text = '{"class_name":"S","config":{"batch_shape":[NaN, Infinity, 1e999],"units":-Infinity}}'
    return archive(folder, text)


@hostile("a lone surrogate is not shown")
def config_lone_surrogates(folder, secret):
    return archive(folder, '{"class_name":"\\ud800","config":{"name":"\\udfff"}}')


@hostile("a long name is cut off")
def config_huge_name(folder, secret):
    return archive(folder, config(layer("x" * (8 << 20))))


@hostile("active text is shown without effect")
def config_active_names(folder, secret):
    return archive(folder, config(layer(ACTIVE), {"class_name": ACTIVE, "config": {"name": "n"}}))


@hostile("values of wrong types are not layers")
def config_wrong_types(folder, secret):
    model = {"class_name": ["a"], "config": {"name": {"b": 1}, "layers": [1, None, config()]}}
    return archive(folder, {**model, "compile_config": {"optimizer": [[[[1]]]], "loss": 3}})


@hostile("nested losses are cut off")
def config_deeply_nested_loss(folder, secret):
    loss = "mse"
    for number in range(200):
        loss = [loss, loss] if number < 12 else {"a": loss}
    return archive(folder, {**config(), "compile_config": {"loss": loss, "metrics": loss}})


@hostile("aliases do not exhaust the reader", "its aliases stand for more than")
def yaml_alias_bomb(folder, secret):
    lines = ['a0: &a0 {class_name: "D", config: {}}']
    for number in range(1, 12):
        inner = ", ".join([f"*a{number - 1}"] * 10)
        model = f"{{class_name: M, config: {{layers: [{inner}]}}}}"
        lines.append(f"a{number}: &a{number} {model}")
    text = "\n".join([*lines, "class_name: Sequential", "config: {layers: [*a11]}"])
    path = folder / "model.yaml"
    path.write_text(text)
    return path


@hostile("no object is created, and its name is reported", "os.system")
def yaml_runs_code(folder, secret):
    path = folder / "model.yaml"
    ran = folder / "escaped.txt"
    path.write_text(
        "class_name: Sequential\n"
        f"config: !!python/object/apply:os.system ['touch {ran}']\n"
    )  # fmt: skip
    return path


@hostile("deep nesting does not harm the caller", "damaged|ends its reader|memory")
def yaml_deeply_nested(folder, secret):
    path = folder / "model.yaml"
    path.write_text("class_name: S\nconfig: " + "[" * 200_000 + "]" * 200_000)
    return path


# ---- HDF5 ----


def hdf5(folder, change, **more):
    path = files.hdf5_model(folder / "model.h5", **more)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


@hostile("a link to another file is not followed, and reported", "secret.h5")
def hdf5_weights_in_other_file(folder, secret):
    def change(file):
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "/")

    return hdf5(folder, change)


@hostile("operations of TensorFlow are not called, and reported", "tf.io.gfile.remove")
def hdf5_operation_by_name(folder, secret):
    operation = {"name": "t", "function": "io.gfile.remove"}
    return hdf5(
        folder, lambda file: None, config=config({"class_name": "TFOpLambda", "config": operation})
    )


@hostile("the module of a function is not imported, and reported", "os.system")
def hdf5_lambda_of_a_module(folder, secret):
    code = {"name": "l", "function": "system", "function_type": "function", "module": "os"}
    return hdf5(folder, lambda file: None, config=config({"class_name": "Lambda", "config": code}))


@hostile("a reference to an object is not a config", "damaged")
def hdf5_config_is_reference(folder, secret):
    def change(file):
        file.attrs["model_config"] = file["model_weights"].ref

    return hdf5(folder, change)


@hostile("an array is read only if its filter is there", digest=False)
def hdf5_unknown_filter(folder, secret):
    def change(file):
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((2,))
        created.set_filter(32_015, h5py.h5z.FLAG_OPTIONAL, (1,))
        space = h5py.h5s.create_simple((2,))
        h5py.h5d.create(file["model_weights"].id, b"f", h5py.h5t.IEEE_F32LE, space, created)

    return hdf5(folder, change)


@hostile("a type nested hundreds of times is described", digest=True)
def hdf5_nested_type(folder, secret):
    def change(file):
        nested = np.dtype("f4")
        for _ in range(300):
            nested = np.dtype([("a", nested)])
        file["model_weights"].create_dataset("n", (1,), nested)

    return hdf5(folder, change)


@hostile("attributes that are not asked for are not read")
def hdf5_many_attributes(folder, secret):
    path = folder / "model.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(5000):
            file.attrs[f"layer_names{number}"] = np.array([b"a" * 50] * 20)
        file.attrs["layer_names"] = [b"dense", b"../../x"]
        file["dense/kernel:0"] = np.zeros((3, 2))
    return path


@hostile("a terabyte of holes is not read")
def hdf5_sparse(folder, secret):
    path = files.hdf5_model(folder / "model.h5")
    os.truncate(path, 1 << 40)
    return path


@hostile("architectures in its folder do not use up the time of weights")
def hdf5_slow_neighbours(folder, secret):
    slow = "class_name: S\nconfig:\n" + "- {a: [1, 2, 3]}\n" * 62_000
    for number in range(20):
        (folder / f"a{number}.yaml").write_text(slow)
    return files.hdf5_weights(folder / "w.h5")


@hostile("circular links end")
def hdf5_circular_links(folder, secret):
    def change(file):
        file["a"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/a")
        del file["optimizer_weights"]
        file["optimizer_weights"] = h5py.SoftLink("/optimizer_weights")

    return hdf5(folder, change)


@hostile("a group in itself is read once")
def hdf5_group_in_itself(folder, secret):
    def change(file):
        file["model_weights/dense/again"] = file["model_weights"]

    return hdf5(folder, change)


@hostile("an array in another file is reported, not read", "in another file", digest=True)
def hdf5_array_in_other_file(folder, secret):
    def change(file):
        held = [(str(secret), 0, len(SECRET))]
        file["model_weights"].create_dataset("e", (len(SECRET),), "u1", external=held)

    return hdf5(folder, change)


@hostile("a virtual array is reported, not read", "in another file", digest=True)
def hdf5_virtual_array(folder, secret):
    def change(file):
        layout = h5py.VirtualLayout((8,), "u1", maxshape=(None,))
        source = h5py.VirtualSource(
            str(secret.with_suffix(".h5")), "numbers", (8,), maxshape=(None,)
        )
        layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file["model_weights"].create_virtual_dataset("v", layout)

    return hdf5(folder, change)


@hostile("the claim is reported, and no memory of that size allocated", "many times its own size")
def hdf5_huge_array(folder, secret):
    def change(file):
        file["model_weights"].create_dataset("big", (1 << 50,), "f4", chunks=(1 << 16,))

    return hdf5(folder, change)


@hostile("missing data of an array are not read", "many times its own size", digest=True)
def hdf5_huge_array_digest(folder, secret):
    return hdf5_huge_array(folder, secret)


@hostile("the length of a config is limited", "or too long")
def hdf5_huge_config(folder, secret):
    path = folder / "model.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = np.bytes_(b" " * (40 << 20))
    return path


@hostile("an array is not a config", "or too long")
def hdf5_many_configs(folder, secret):
    def change(file):
        file.attrs["model_config"] = ["{}"] * 3

    return hdf5(folder, change)


@hostile("an empty attribute is not a config", "damaged|too long a one")
def hdf5_empty_config(folder, secret):
    def change(file):
        file.attrs["model_config"] = h5py.Empty("S10")

    return hdf5(folder, change)


@hostile("the depth of groups is limited", "nested more than 200 deep")
def hdf5_deeply_nested_groups(folder, secret):
    def change(file):
        group = file["model_weights"]
        for _ in range(3000):
            group = group.create_group("g")

    return hdf5(folder, change)


@hostile("arrays of other types are counted, not read", digest=True)
def hdf5_unusual_types(folder, secret):
    def change(file):
        group = file["model_weights"]
        group["nothing"] = h5py.Empty("f4")
        group["opaque"] = np.void(b"\x00" * 8)
        group["record"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f8")])
        group["texts"] = np.array(["a", "b"], dtype=h5py.string_dtype())
        group.create_dataset("reference", data=file.ref, dtype=h5py.ref_dtype)
        group.create_dataset("none", (0, 5), "f4")

    return hdf5(folder, change)


@hostile("active names are shown without effect")
def hdf5_active_names(folder, secret):
    def change(file):
        file["model_weights"].create_group("é" * 300)
        file.attrs["keras_version"] = ACTIVE

    return hdf5(folder, change, config=config(layer(ACTIVE)))


@hostile("the file is damaged", "damaged|read")
def hdf5_overwritten(folder, secret):
    path = files.hdf5_model(folder / "model.h5")
    data = bytearray(path.read_bytes())
    for place in range(100, len(data), 37):
        data[place] ^= 0xFF
    path.write_bytes(data)
    return path


# ---- SavedModels ----


@hostile("the file is damaged", "damaged")
def saved_model_endless_number(folder, secret):
    path = files.saved_model(folder / "model")
    (path / "saved_model.pb").write_bytes(b"\x08\x01\x12" + b"\xff" * 4000)
    return path


@hostile("an object that refers to itself is read once")
def saved_model_refers_to_itself(folder, secret):
    path = files.saved_model(folder / "model")
    root = files.child(0, "variables") + files.child(0, "_value") + files.variable(2, 2)
    graph = files.message(7, files.message(1, root))
    content = files.number(1, 1) + files.message(2, graph)
    (path / "saved_model.pb").write_bytes(content)
    return path


@hostile("the file is damaged", "claims more numbers")
def saved_model_huge_arrays(folder, secret):
    path = files.saved_model(folder / "model")
    nodes = [files.child(1, "variables"), files.child(2, "0"), files.variable(*[1 << 40] * 40)]
    graph = files.message(7, b"".join(files.message(1, node) for node in nodes))
    content = files.number(1, 1) + files.message(2, graph)
    (path / "saved_model.pb").write_bytes(content)
    return path


@hostile("nested metadata does not crash the reader", "damaged")
def saved_model_deeply_nested_metadata(folder, secret):
    path = files.saved_model(folder / "model", metadata={})
    text = b'{"a":' * 50_000
    node = files.message(4, b"_tf_keras_model") + files.message(5, text)
    (path / "keras_metadata.pb").write_bytes(files.message(1, node))
    return path


def graph(folder, *operations, assets=(), functions=1):
    """Write a SavedModel with functions of these operations, and the names of these assets."""
    path = files.saved_model(folder / "model")
    nodes = b"".join(files.message(3, files.message(2, name.encode())) for name in operations)
    library = files.message(2, files.message(1, nodes) * functions)
    content = files.message(2, library)
    content += b"".join(files.message(6, files.message(2, name.encode())) for name in assets)
    (path / "saved_model.pb").write_bytes(files.number(1, 1) + files.message(2, content))
    return path


@hostile("operations on files and Python are reported", "WriteFile")
def saved_model_acts(folder, secret):
    return graph(folder, "ReadFile", "WriteFile", "PyFunc")


@hostile("the path of an asset is reported, not read", "secret.txt")
def saved_model_asset_leads_out(folder, secret):
    return graph(folder, "MatMul", assets=[f"../../{secret}"])


@hostile("a graph of a million operations is searched")
def saved_model_many_operations(folder, secret):
    return graph(folder, *["MatMul"] * 20, functions=50_000)


@hostile("the target of a link is not shown", r"saved_model\.pb is a symbolic link")
def saved_model_is_link(folder, secret):
    path = folder / "model"
    path.mkdir()
    (path / "saved_model.pb").symlink_to(secret)
    return path


@hostile("a circular link to a folder ends", "variables is a symbolic link")
def saved_model_circular_folders(folder, secret):
    path = files.saved_model(folder / "model")
    (path / "variables").symlink_to(path)
    return path


# ---- other kinds of files ----


@hostile("a pipe is not opened", "a device or a pipe")
def pipe_without_writer(folder, secret):
    path = folder / "model.h5"
    os.mkfifo(path)
    return path


@hostile("a device is not read", "a device or a pipe")
def link_to_a_device(folder, secret):
    path = folder / "model.h5"
    path.symlink_to("/dev/zero")
    return path


@hostile("a circular link is an error", "cannot be read")
def link_to_itself(folder, secret):
    path = folder / "model.h5"
    path.symlink_to(path)
    return path


@hostile("a name is no command of a CI service", "an empty file")
def name_is_ci_command(folder, secret):
    path = folder / "::error title=a::b ##[set-output name=c]d.h5"
    path.touch()
    return path


@hostile("an active name is shown without effect", "an empty file")
def name_active(folder, secret):
    path = folder / "\x1b[2J<script>\nkerasmatrix: [red]fine.h5"
    path.touch()
    return path


@hostile("a name that is not UTF-8 is shown")
def name_not_utf8(folder, secret):
    path = folder / os.fsdecode(b"model\xff\xfe.keras")
    archive(folder, config()).rename(path)
    return path


class Runs:
    """Leaves a file when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@hostile("a pickle is not loaded", "a Python pickle")
def pickle_runs_code(folder, secret):
    path = folder / "model.h5"
    path.write_bytes(pickle.dumps(Runs(f"touch {folder}/escaped.txt"), protocol=4))
    return path


@hostile("a pickle is not loaded", "a Python pickle")
def pickle_protocol_0_runs_code(folder, secret):
    path = folder / "model.h5"
    path.write_bytes(pickle.dumps(Runs(f"touch {folder}/escaped.txt"), protocol=0))
    return path


@hostile("an array of objects is not unpickled", "a NumPy array")
def array_of_objects(folder, secret):
    held = io.BytesIO()
    np.save(held, np.array([Runs(f"touch {folder}/escaped.txt")]), allow_pickle=True)
    path = folder / "model.h5"
    path.write_bytes(held.getvalue())
    return path


@hostile("compressed data are named, not unpacked", "a compressed file")
def compressed_bomb(folder, secret):
    path = folder / "model.h5"
    path.write_bytes(bz2.compress(b"\0" * (8 << 20)))
    return path


def secret_beside(folder: Path) -> Path:
    """Write the secret as text and as HDF5 of that name; return the path of the text."""
    path = folder / "secret.txt"
    path.write_text(SECRET)
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["numbers"] = np.frombuffer(SECRET.encode(), dtype="u1")
        file.attrs["keras_version"] = SECRET
    return path
