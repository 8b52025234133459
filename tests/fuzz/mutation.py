"""Model files to change, and ways to change them: some know nothing of a file, some its parts."""

import io
import json
import random
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

from tests.hostile.files import ACTIVE
from tests.unit.inspection import files

LARGEST = 1 << 20  # bytes of a file that is made
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


def mutate(seed: Path, target: Path, chance: random.Random) -> Path:
    """Write a changed copy of ``seed`` and return its path; ``target`` is a name that is free."""
    if seed.is_dir():
        target.mkdir()
        for part in seed.iterdir():
            data = part.read_bytes()
            changed = chance.random() < 0.7
            (target / part.name).write_bytes(_bytes(data, chance) if changed else data)
        return target
    path = target.with_suffix(seed.suffix)
    data = seed.read_bytes()
    change = _structured(seed, data, chance) if chance.random() < 0.4 else _bytes(data, chance)
    path.write_bytes(change[:LARGEST])
    return path


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


def _json(told: object, chance: random.Random) -> object:
    """Return ``told`` with one value of it made strange, doubled, dropped or nested."""
    if isinstance(told, dict) and told and chance.random() < 0.8:  # go deeper
        key = chance.choice(list(told))
        if chance.random() < 0.1:
            return {name: value for name, value in told.items() if name != key}
        return {**told, key: _json(told[key], chance)}
    if isinstance(told, list) and told and chance.random() < 0.7:
        place = chance.randrange(len(told))
        return [*told[:place], _json(told[place], chance), *told[place:]]
    nested = told
    for _ in range(chance.choice((1, 3, 300))):
        nested = {"class_name": "TimeDistributed", "config": {"layer": nested}}
    wide = [told] * chance.choice((2, 200))
    number = struct.unpack("<d", chance.randbytes(8))[0]
    return chance.choice((*STRANGE, nested, wide, number))
