"""Files made to do harm to who reads them, each with the promise that it must not break.

Made without TensorFlow. A file may be given a ``secret``, the path of a file beside it whose
content must appear nowhere.
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

SECRET = "the key of another house"  # what no file may bring into an answer
# What acts on a page, on a terminal, on a table and on Markdown.
ACTIVE = "</script><script>alert(1)</script>\x1b]0;owned\x07\x1b[2J[red]\u202e|`=1+1"
# The same for a name that a file can have, too.
NAME = '"><img src=x onerror=alert(1)>&lt;\x1b]0;owned\x07{{ 7*7 }}'


@dataclass(frozen=True)
class Hostile:
    """A kind of file; ``make(folder, secret)`` returns its path.

    ``said`` is what `inspect` must say, as a regular expression of its error or of its notes; where
    it is None the file is read like any other.
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
    """Write a model whose own name, a layer's and a class's are to act, and return its path."""
    layers = [
        layer(ACTIVE),
        layer(NAME),
        {"class_name": f"{NAME}{ACTIVE}", "config": {"name": "n"}},
    ]
    told = config(*layers)
    told["config"]["name"] = ACTIVE
    made = files.hdf5_model(path, told)
    with h5py.File(made, "r+") as file:
        file.attrs["model_config"] = np.bytes_(json.dumps(told))  # as a release's h5py reads it
    return made


# ---- archives ----


@hostile("a member is not unpacked beyond what a config can be", "claims to be")
def archive_config_that_unpacks_to_much(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b" " * (40 << 20))]
    return zipped(path, members, zipfile.ZIP_DEFLATED)


@hostile("a member that says less than it is is not unpacked further", "damaged")
def archive_config_that_lies_about_its_size(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b" " * (8 << 20))]
    data = bytearray(zipped(path, members, zipfile.ZIP_DEFLATED).read_bytes())
    for signature, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        last = data.rfind(signature)
        data[last + place : last + place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    return path


@hostile("weights that unpack to more than a memory stay packed", "too large to unpack")
def archive_weights_that_unpack_to_much(folder, secret):
    path = files.archive(folder / "model.keras", compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 3 << 30)
    path.write_bytes(data)
    return path


@hostile("bzip2 that unpacks to much costs no more memory than is allowed", "claims|damaged|memory")
def archive_of_dense_bzip2(folder, secret):
    path = folder / "model.keras"
    members = [("metadata.json", "{}"), ("config.json", b"\0" * (31 << 20))]
    return zipped(path, members, zipfile.ZIP_BZIP2)


@hostile("a compression that is not known is damage", "damaged")
def archive_of_an_unknown_compression(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    for signature, place in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        last = data.rfind(signature)
        data[last + place : last + place + 2] = struct.pack("<H", 77)
    path.write_bytes(data)
    return path


@hostile("nothing is written outside, and it is told", "leads out of the folder")
def archive_with_a_path_upwards(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("assets/../../../escaped.txt", "out")
    return path


@hostile("nothing is written outside, and it is told", "leads out of the folder")
def archive_with_an_absolute_path(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(f"{folder}/escaped.txt", "out")
    return path


@hostile("a link in an archive is not followed, and it is told", "symbolic link")
def archive_with_a_symbolic_link(folder, secret):
    path = archive(folder, config())
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(link, str(secret))
    return path


@hostile("it is told, and read as Keras reads it", "more than one 'config.json'")
def archive_with_two_configs(folder, secret):
    path = archive(folder, config())
    with zipfile.ZipFile(path, "a") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.writestr("config.json", json.dumps(config(layer())))
    return path


@hostile("a list without end is read within bounds")
def archive_of_many_members(folder, secret):
    members = [(f"assets/{number}", b"") for number in range(20_000)]
    told = [("metadata.json", "{}"), ("config.json", json.dumps(config()))]
    return zipped(folder / "model.keras", [*told, *members])


@hostile("members that share their bytes are read once", "damaged|no weights")
def archive_whose_members_overlap(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    first, last = data.find(b"PK\x01\x02"), data.rfind(b"PK\x01\x02")
    data[last + 42 : last + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    return path


@hostile("it is named for what it is", "encrypted")
def archive_that_is_encrypted(folder, secret):
    path = archive(folder, config())
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


@hostile("it is named for what it is", "damaged")
def archive_cut_off(folder, secret):
    path = files.archive(folder / "model.keras")
    path.write_bytes(path.read_bytes()[:-70])
    return path


@hostile("it is no config", "damaged")
def archive_whose_config_is_a_list(folder, secret):
    return archive(folder, [config()])


@hostile("it is no metadata", "damaged")
def archive_whose_metadata_is_a_list(folder, secret):
    return archive(folder, config(), "[1]")


# ---- configs ----


@hostile("it does not end its reader", "nested too deeply")
def config_nested_without_end(folder, secret):
    return archive(folder, '{"config":' * 100_000 + "1" + "}" * 100_000)


@hostile("its tree is cut off")
def config_of_wrappers_in_wrappers(folder, secret):
    nested = layer()
    for _ in range(300):
        nested = {"class_name": "TimeDistributed", "config": {"name": "w", "layer": nested}}
    return archive(folder, config(nested))


@hostile("a reader does not follow it to its end", "more than 100,000 layers")
def config_of_very_many_layers(folder, secret):
    one = json.dumps(layer())
    layers = ",".join([one] * 110_000)
    return archive(folder, '{"class_name":"Sequential","config":{"layers":[' + layers + "]}}")


@hostile("it is told, and read as Keras reads it", "twice in one object")
def config_with_a_key_twice(folder, secret):
    return archive(folder, '{"class_name": "Sequential", "config": {}, "class_name": "Functional"}')


@hostile("it is damage", "damaged")
def config_that_is_no_unicode(folder, secret):
    return archive(folder, b'{"class_name": "Seq\xff\xfe", "config": {}}')


@hostile("it is damage", "damaged")
def config_with_a_number_without_end(folder, secret):
    text = '{"class_name":"S","config":{"batch_shape":[' + "9" * 100_000 + "]}}"
    return archive(folder, text)


@hostile("it is left out")
def config_with_numbers_that_are_none(folder, secret):
    text = '{"class_name":"S","config":{"batch_shape":[NaN, Infinity, 1e999],"units":-Infinity}}'
    return archive(folder, text)


@hostile("half a character is shown as none")
def config_with_half_a_character(folder, secret):
    return archive(folder, '{"class_name":"\\ud800","config":{"name":"\\udfff"}}')


@hostile("a name is cut to what can be read")
def config_with_a_name_without_end(folder, secret):
    return archive(folder, config(layer("x" * (8 << 20))))


@hostile("what acts on pages and terminals is shown and does nothing")
def config_with_active_names(folder, secret):
    return archive(folder, config(layer(ACTIVE), {"class_name": ACTIVE, "config": {"name": "n"}}))


@hostile("types that make no sense are no layers")
def config_of_nonsense(folder, secret):
    told = {"class_name": ["a"], "config": {"name": {"b": 1}, "layers": [1, None, config()]}}
    return archive(folder, {**told, "compile_config": {"optimizer": [[[[1]]]], "loss": 3}})


@hostile("a loss of losses without end is cut off")
def config_with_a_loss_without_end(folder, secret):
    loss = "mse"
    for number in range(200):
        loss = [loss, loss] if number < 12 else {"a": loss}
    return archive(folder, {**config(), "compile_config": {"loss": loss, "metrics": loss}})


@hostile(
    "it makes no object and does not end its reader", "damaged|more than|not read within|memory"
)
def yaml_that_multiplies(folder, secret):
    lines = ['a0: &a0 {class_name: "D", config: {}}']
    for number in range(1, 12):
        inner = ", ".join([f"*a{number - 1}"] * 10)
        told = f"{{class_name: M, config: {{layers: [{inner}]}}}}"
        lines.append(f"a{number}: &a{number} {told}")
    text = "\n".join([*lines, "class_name: Sequential", "config: {layers: [*a11]}"])
    path = folder / "model.yaml"
    path.write_text(text)
    return path


@hostile("it makes no object", "damaged")
def yaml_that_would_run_code(folder, secret):
    path = folder / "model.yaml"
    ran = folder / "escaped.txt"
    path.write_text(
        "class_name: Sequential\n"
        f"config: !!python/object/apply:os.system ['touch {ran}']\n"
    )  # fmt: skip
    return path


@hostile("it does not harm its caller", "damaged|ends its reader|memory")
def yaml_nested_without_end(folder, secret):
    path = folder / "model.yaml"
    path.write_text("class_name: S\nconfig: " + "[" * 200_000 + "]" * 200_000)
    return path


# ---- HDF5 ----


def hdf5(folder, change, **more):
    path = files.hdf5_model(folder / "model.h5", **more)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


@hostile("a link out of the file is not followed", "the file does not say|$")
def hdf5_whose_weights_are_in_another_file(folder, secret):
    def change(file):
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(secret.with_suffix(".h5")), "/")

    return hdf5(folder, change)


@hostile("links that lead round do not hold it up")
def hdf5_with_links_that_lead_round(folder, secret):
    def change(file):
        file["a"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/a")
        del file["optimizer_weights"]
        file["optimizer_weights"] = h5py.SoftLink("/optimizer_weights")

    return hdf5(folder, change)


@hostile("a group inside itself is read once")
def hdf5_with_a_group_in_itself(folder, secret):
    def change(file):
        file["model_weights/dense/again"] = file["model_weights"]

    return hdf5(folder, change)


@hostile("an array in another file is told and not read", "in another file", digest=True)
def hdf5_with_an_array_in_another_file(folder, secret):
    def change(file):
        held = [(str(secret), 0, len(SECRET))]
        file["model_weights"].create_dataset("e", (len(SECRET),), "u1", external=held)

    return hdf5(folder, change)


@hostile("a virtual array is told and not read", "in another file", digest=True)
def hdf5_with_a_virtual_array(folder, secret):
    def change(file):
        layout = h5py.VirtualLayout((8,), "u1", maxshape=(None,))
        source = h5py.VirtualSource(
            str(secret.with_suffix(".h5")), "numbers", (8,), maxshape=(None,)
        )
        layout[: h5py.h5s.UNLIMITED] = source[: h5py.h5s.UNLIMITED]
        file["model_weights"].create_virtual_dataset("v", layout)

    return hdf5(folder, change)


@hostile("it is told, and nothing of that size is made", "many times its own size")
def hdf5_that_claims_much(folder, secret):
    def change(file):
        file["model_weights"].create_dataset("big", (1 << 50,), "f4", chunks=(1 << 16,))

    return hdf5(folder, change)


@hostile("what is claimed and not there is not read", "many times its own size", digest=True)
def hdf5_whose_digest_would_not_end(folder, secret):
    return hdf5_that_claims_much(folder, secret)


@hostile("a config longer than any is not read", "or too long")
def hdf5_with_a_config_without_end(folder, secret):
    path = folder / "model.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = np.bytes_(b" " * (40 << 20))
    return path


@hostile("a config that is many is none", "or too long")
def hdf5_with_many_configs(folder, secret):
    def change(file):
        file.attrs["model_config"] = ["{}"] * 3

    return hdf5(folder, change)


@hostile("a config that is nothing is none", "damaged|too long a one")
def hdf5_with_an_empty_config(folder, secret):
    def change(file):
        file.attrs["model_config"] = h5py.Empty("S10")

    return hdf5(folder, change)


@hostile("groups in groups do not hold it up", "nested more than 200 deep")
def hdf5_with_groups_without_end(folder, secret):
    def change(file):
        group = file["model_weights"]
        for _ in range(3000):
            group = group.create_group("g")

    return hdf5(folder, change)


@hostile("types that Keras does not write are counted, not read", digest=True)
def hdf5_of_strange_types(folder, secret):
    def change(file):
        group = file["model_weights"]
        group["nothing"] = h5py.Empty("f4")
        group["opaque"] = np.void(b"\x00" * 8)
        group["record"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f8")])
        group["texts"] = np.array(["a", "b"], dtype=h5py.string_dtype())
        group.create_dataset("reference", data=file.ref, dtype=h5py.ref_dtype)
        group.create_dataset("none", (0, 5), "f4")

    return hdf5(folder, change)


@hostile("names that act are shown and do nothing")
def hdf5_with_active_names(folder, secret):
    def change(file):
        file["model_weights"].create_group("é" * 300)
        file.attrs["keras_version"] = ACTIVE

    return hdf5(folder, change, config=config(layer(ACTIVE)))


@hostile("it is damage", "damaged|read")
def hdf5_whose_middle_is_overwritten(folder, secret):
    path = files.hdf5_model(folder / "model.h5")
    data = bytearray(path.read_bytes())
    for place in range(100, len(data), 37):
        data[place] ^= 0xFF
    path.write_bytes(data)
    return path


# ---- SavedModels ----


@hostile("it is damage", "damaged")
def saved_model_with_a_number_without_end(folder, secret):
    path = files.saved_model(folder / "model")
    (path / "saved_model.pb").write_bytes(b"\x08\x01\x12" + b"\xff" * 4000)
    return path


@hostile("what refers to itself is read once")
def saved_model_that_refers_to_itself(folder, secret):
    path = files.saved_model(folder / "model")
    root = files.child(0, "variables") + files.child(0, "_value") + files.variable(2, 2)
    graph = files.message(7, files.message(1, root))
    content = files.number(1, 1) + files.message(2, graph)
    (path / "saved_model.pb").write_bytes(content)
    return path


@hostile("it is damage", "claims more numbers")
def saved_model_that_claims_much(folder, secret):
    path = files.saved_model(folder / "model")
    nodes = [files.child(1, "variables"), files.child(2, "0"), files.variable(*[1 << 40] * 40)]
    graph = files.message(7, b"".join(files.message(1, node) for node in nodes))
    content = files.number(1, 1) + files.message(2, graph)
    (path / "saved_model.pb").write_bytes(content)
    return path


@hostile("its metadata does not end its reader", "damaged")
def saved_model_with_metadata_nested_without_end(folder, secret):
    path = files.saved_model(folder / "model", metadata={})
    text = b'{"a":' * 50_000
    node = files.message(4, b"_tf_keras_model") + files.message(5, text)
    (path / "keras_metadata.pb").write_bytes(files.message(1, node))
    return path


@hostile("what a link leads to is not told", r"saved_model\.pb is a symbolic link")
def saved_model_that_is_a_link_to_another_file(folder, secret):
    path = folder / "model"
    path.mkdir()
    (path / "saved_model.pb").symlink_to(secret)
    return path


@hostile("a folder that leads round does not hold it up", "variables is a symbolic link")
def saved_model_with_folders_that_lead_round(folder, secret):
    path = files.saved_model(folder / "model")
    (path / "variables").symlink_to(path)
    return path


# ---- what is no file, and no model ----


@hostile("nobody waits for what is never written", "a device or a pipe")
def pipe_that_nobody_writes(folder, secret):
    path = folder / "model.h5"
    os.mkfifo(path)
    return path


@hostile("a device without end is not read", "a device or a pipe")
def link_to_a_device(folder, secret):
    path = folder / "model.h5"
    path.symlink_to("/dev/zero")
    return path


@hostile("a name that leads round is an error", "cannot be read")
def link_to_itself(folder, secret):
    path = folder / "model.h5"
    path.symlink_to(path)
    return path


@hostile("a name that acts is shown and does nothing", "an empty file")
def name_that_acts(folder, secret):
    path = folder / "\x1b[2J<script>\nkerasmatrix: [red]fine.h5"
    path.touch()
    return path


@hostile("a name that is no text is shown all the same")
def name_that_is_no_text(folder, secret):
    path = folder / os.fsdecode(b"model\xff\xfe.keras")
    archive(folder, config()).rename(path)
    return path


class Runs:
    """Leaves a file when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@hostile("it is not unpickled", "a Python pickle")
def pickle_that_runs(folder, secret):
    path = folder / "model.h5"
    path.write_bytes(pickle.dumps(Runs(f"touch {folder}/escaped.txt"), protocol=4))
    return path


@hostile("it is not unpickled", "a Python pickle")
def pickle_of_old_that_runs(folder, secret):
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


@hostile("it is named and not unpacked", "a compressed file")
def compressed_bomb(folder, secret):
    path = folder / "model.h5"
    path.write_bytes(bz2.compress(b"\0" * (8 << 20)))
    return path


def secret_beside(folder: Path) -> Path:
    """Make the file that nobody may read, and an HDF5 of that name; return the first's path."""
    path = folder / "secret.txt"
    path.write_text(SECRET)
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["numbers"] = np.frombuffer(SECRET.encode(), dtype="u1")
        file.attrs["keras_version"] = SECRET
    return path
