"""Model files to change, and ways to change them: some know nothing of a file, some its parts.

Files also become two formats at once, and folders get what no model's folder has.
"""

import contextlib
import io
import json
import os
import random
import shutil
import socket
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from tests.hostile.files import ACTIVE
from tests.unit.inspection import files

LARGEST = 1 << 20  # bytes of a file that is made
SECRET = "what a link leads to"
NEIGHBOUR = "neighbour"  # a folder outside of the changed files, with the secret in it
ODD = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 64) - 1)
STRANGE = (None, True, -1, 1e308, 10**30, "", ACTIVE, "\ud800", [], {}, [[]], {"class_name": 3})


def seeds(folder: Path) -> list[Path]:
    """Write one file of each kind that `inspect` knows, and return their paths."""
    metadata = {**files.SEQUENTIAL, "keras_version": "2.9.0", "training_config": files.TRAINING}
    made = [
        files.hdf5_model(folder / "model.h5"),
        files.hdf5_weights(folder / "weights.h5"),
        files.keras_3_weights(folder / "keras3.weights.h5"),
        files.archive(folder / "model.keras"),
        files.archive(folder / "packed.keras", compression=zipfile.ZIP_DEFLATED),
        files.saved_model(folder / "saved", metadata=metadata),
        files.saved_model(folder / "older", metadata=metadata, separate=False),
    ]
    with h5py.File(folder / "new.h5", "w", libver="latest") as file:
        file.attrs["model_config"] = json.dumps(files.SEQUENTIAL)
        file.create_dataset("model_weights/d/k", data=np.ones((9, 9)), chunks=(3, 3), compression=9)
        file["model_weights/d/s"] = np.array(["a", "b"], dtype=h5py.string_dtype())
    for name, text in (
        ("model.json", json.dumps(metadata)),
        ("model.yaml", "class_name: Sequential\nconfig:\n  layers: []\nkeras_version: 2.1.6\n"),
    ):
        (folder / name).write_text(text)
        made.append(folder / name)
    return [*made, folder / "new.h5"]


def ordinary(folder: Path) -> list[Path]:
    """Write models that Keras 2 loads as they are and Keras 3 refuses, and return their paths."""
    made = []
    for units in (2, 3):
        layer = {**files.DENSE, "config": {**files.DENSE["config"], "units": units}}
        config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
        path = folder / f"ordinary-{units}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
            file.attrs["model_config"] = json.dumps(config)
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [b"dense"]
            layer = group.create_group("dense")
            layer.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
            layer["dense/kernel:0"] = np.full((3, units), 0.5, dtype="float32")
            layer["dense/bias:0"] = np.ones(units, dtype="float32")
        made.append(path)
    return made


def mutate(seed: Path, target: Path, chance: random.Random) -> Path:
    """Write a changed copy of ``seed`` and return its path; ``target`` is a name that is free.

    A link may lead to the folder `NEIGHBOUR` next to ``target``.
    """
    if seed.is_dir():
        for part in sorted(seed.rglob("*")):
            place = target / part.relative_to(seed)
            if part.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            data = part.read_bytes()
            changed = chance.random() < 0.3
            place.write_bytes(_bytes(data, chance) if changed else data)
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            chance.choice(ADDITIONS)(target, chance)
        return target
    path = target.with_suffix(seed.suffix)
    data = seed.read_bytes()
    if chance.random() < 0.15:
        path = target.with_suffix(chance.choice((".keras", ".h5", ".bin")))
        change = _two_formats(data, chance)
    elif chance.random() < 0.4:
        change = _structured(seed, data, chance)
    else:
        change = _bytes(data, chance)
    path.write_bytes(change[:LARGEST])
    return path


def _two_formats(data: bytes, chance: random.Random) -> bytes:
    """Put an archive or HDF5 before or behind what is there, or in a block before it."""
    held = io.BytesIO()
    if chance.random() < 0.7:
        with zipfile.ZipFile(held, "w") as archive:
            for name in chance.sample(("config.json", "metadata.json", "x", "model.weights.h5"), 3):
                archive.writestr(name, json.dumps(files.SEQUENTIAL))
    else:
        block = chance.choice((0, 512, 4096, 1 << 17))
        with h5py.File(held, "w", userblock_size=block) as file:
            file.attrs["model_config"] = json.dumps(files.SEQUENTIAL)
    other = held.getvalue()
    match chance.randrange(4):
        case 0:
            return data + other
        case 1:
            return other + data
        case 2:
            return data.ljust(chance.choice((512, 2048, 8192)), b"\0") + other
        case _:
            both = bytearray(data + other)
            place = chance.randrange(len(both))
            both[place : place + 8] = chance.choice((b"\x89HDF\r\n\x1a\n", b"PK\x05\x06\0\0\0\0"))
            return bytes(both)


# ---- what no folder of a model has ----
# Every way looks at what is there without following links: one may lead to the root.


def _inside(folder: Path, kind: Callable[[int], bool]) -> list[Path]:
    """Return what is of a kind in the folder and below, and not what links lead to."""
    return sorted(path for path in folder.rglob("*") if kind(path.lstat().st_mode))


def _somewhere(folder: Path, chance: random.Random) -> Path:
    """Return a name that is free, in the folder or in one below it."""
    place = chance.choice([folder, *_inside(folder, stat.S_ISDIR)])
    return place / f"new{chance.randrange(1 << 30)}"


def _add_link(folder: Path, chance: random.Random) -> None:
    outside = folder.parent / NEIGHBOUR
    leads = (".", "..", "/dev/zero", "/", "nowhere", outside, outside / "secret", "saved_model.pb")
    _somewhere(folder, chance).symlink_to(chance.choice(leads))


def _turn_into_link(folder: Path, chance: random.Random) -> None:
    """Put a link in the place of something that is there."""
    kind = chance.choice((stat.S_ISDIR, stat.S_ISREG))
    place = chance.choice(_inside(folder, kind) or [folder / "new"])
    if kind is stat.S_ISDIR and place.exists():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.symlink_to(
        chance.choice((folder.parent / NEIGHBOUR, folder.parent / NEIGHBOUR / "secret"))
    )


def _add_pipe(folder: Path, chance: random.Random) -> None:
    os.mkfifo(_somewhere(folder, chance))


def _add_socket(folder: Path, chance: random.Random) -> None:
    place = _somewhere(folder, chance)
    handle = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as made:  # whose path is short
            made.bind(f"/proc/self/fd/{handle}/{place.name}")
    finally:
        os.close(handle)


def _add_device(folder: Path, chance: random.Random) -> None:
    with contextlib.suppress(PermissionError):
        os.mknod(_somewhere(folder, chance), stat.S_IFCHR | 0o600, os.makedev(1, 5))


def _add_depth(folder: Path, chance: random.Random) -> None:
    deep = _somewhere(folder, chance).joinpath(*["d"] * chance.choice((3, 60, 70, 300)))
    deep.mkdir(parents=True)
    (deep / "file").touch()


def _add_odd_name(folder: Path, chance: random.Random) -> None:
    names = (b"raw\xff", b"n" * 255, b"\x1b[31m", b"a\nb", b"-rf", "\u202e".encode(), b" ")
    _somewhere(folder, chance).with_name(os.fsdecode(chance.choice(names))).touch()


def _add_sparse_file(folder: Path, chance: random.Random) -> None:
    with _somewhere(folder, chance).open("wb") as file:
        file.truncate(chance.choice((1 << 20, 1 << 37, 1 << 42)))


def _add_many(folder: Path, chance: random.Random) -> None:
    place = _somewhere(folder, chance)
    place.mkdir()
    for number in range(chance.choice((10, 300))):
        (place / str(number)).touch()


def _add_other_model(folder: Path, chance: random.Random) -> None:
    names = ("config.json", "metadata.json", "checkpoint_metadata", "7", "model.weights.h5")
    place = folder / chance.choice(names)
    place.unlink(missing_ok=True)  # it may be a link
    place.write_bytes(chance.choice((b"{}", b"", b"\x89HDF\r\n\x1a\n")))


def _take_rights(folder: Path, chance: random.Random) -> None:
    held = _inside(folder, stat.S_ISREG)
    if held:
        chance.choice(held).chmod(0)


ADDITIONS: tuple[Callable[[Path, random.Random], None], ...] = (
    _add_link, _add_link, _turn_into_link, _add_pipe, _add_socket, _add_device, _add_depth,
    _add_odd_name, _add_sparse_file, _add_many, _add_other_model, _take_rights,
)  # fmt: skip


def _bytes(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16, 64))):
        if not made:
            break
        place = chance.randrange(len(made))
        match chance.randrange(8):
            case 0:
                made[place] ^= 1 << chance.randrange(8)
            case 1:
                made[place] = chance.randrange(256)
            case 2:
                width = chance.choice((1, 2, 4, 8))
                value = chance.choice(ODD) & ((1 << 8 * width) - 1)
                made[place : place + width] = value.to_bytes(
                    width, chance.choice(("little", "big"))
                )
            case 3:
                del made[place : place + chance.choice((1, 8, 512))]
            case 4:
                made[place:place] = chance.randbytes(chance.choice((1, 8, 512)))
            case 5:
                other, length = chance.randrange(len(made)), chance.choice((4, 64, 1024))
                made[place : place + length] = made[other : other + length]
            case 6:
                made[place : place + 64] = bytes(len(made[place : place + 64]))
            case 7:
                del made[place:]
    return bytes(made)


def _structured(seed: Path, data: bytes, chance: random.Random) -> bytes:
    if zipfile.is_zipfile(seed):
        return _archive(data, chance)
    if data.startswith(b"\x89HDF"):
        return _hdf5(data, chance)
    if seed.suffix == ".json":
        return json.dumps(_json(json.loads(data), chance)).encode()
    return _bytes(data, chance)


def _archive(data: bytes, chance: random.Random) -> bytes:
    """Change members, and pack all again: so that the checksums are right."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if chance.random() < 0.6:
                content = _member(name, content, chance)
            if chance.random() > 0.05:  # now and then one is left out
                new.writestr(chance.choice((name, name, name, f"../{name}")), content)
    return held.getvalue()


def _member(name: str, content: bytes, chance: random.Random) -> bytes:
    if name.endswith(".json") and chance.random() < 0.7:
        return json.dumps(_json(json.loads(content), chance)).encode()
    return _hdf5(content, chance) if content[:4] == b"\x89HDF" else _bytes(content, chance)


def _hdf5(data: bytes, chance: random.Random) -> bytes:
    """Change what an HDF5 file says, in a way that HDF5 itself allows."""
    held = io.BytesIO(data)
    with h5py.File(held, "r+") as file:
        for _ in range(chance.choice((1, 2, 4))):
            name = chance.choice(("model_config", "training_config", "keras_version", "backend"))
            place = chance.choice(("model_weights", "layers", "dense", "optimizer", "vars"))
            match chance.randrange(7):
                case 0 if name in file.attrs and "config" in name:
                    told = file.attrs[name]
                    text = told if isinstance(told, str) else bytes(told).decode("utf-8", "replace")
                    try:
                        file.attrs[name] = np.bytes_(json.dumps(_json(json.loads(text), chance)))
                    except ValueError:
                        del file.attrs[name]
                case 1:
                    strange = (1.5, np.zeros(3), h5py.Empty("f4"), b"\xff\xfe", np.void(b"ab"))
                    file.attrs[name] = chance.choice(strange)
                case 2 if place in file:
                    del file[place]
                case 3 if place not in file:
                    links = (h5py.SoftLink("/a"), h5py.ExternalLink("/etc/passwd", "/"))
                    file[place] = chance.choice(links)
                case 4 if place not in file:
                    file.create_dataset(place, (1 << 40,), "f4", chunks=(64,))
                case 5 if isinstance(file.get("model_weights"), h5py.Group):
                    file["model_weights"].attrs[name] = chance.choice(("x", 3, b"y"))
                case _:
                    file.attrs[f"extra{chance.random()}"] = ACTIVE
    changed = held.getvalue()
    return _bytes(changed, chance) if chance.random() < 0.3 else changed


def _json(value: object, chance: random.Random) -> object:
    """Return ``value`` with one of its parts made strange, doubled, dropped or nested."""
    if isinstance(value, dict) and value and chance.random() < 0.8:  # go deeper
        key = chance.choice(list(value))
        if chance.random() < 0.1:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: _json(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], _json(value[place], chance), *value[place:]]
    nested = value
    for _ in range(chance.choice((1, 3, 300))):
        nested = {"class_name": "TimeDistributed", "config": {"layer": nested}}
    wide = [value] * chance.choice((2, 200))
    number = struct.unpack("<d", chance.randbytes(8))[0]
    return chance.choice((*STRANGE, nested, wide, number))
