"""Compares the parts of two files besides their layers: assets and the functions of SavedModels."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.files.diff_result import Change
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.packed import mlflow_model
from kerasmatrix.inspection.saved_functions import Signature, read_functions

__all__ = ["FunctionChanges", "changed_assets", "changed_functions"]

ASSETS = "assets/"
MOST_ASSETS = 10_000
BLOCK = 1 << 20
SAVED_MODEL = "saved-model"
ABSENT = "none"


class FunctionChanges(NamedTuple):
    """The functions that differ between two SavedModels, and what was not compared."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def changed_functions(a: Contents, b: Contents) -> FunctionChanges:
    """Compare the functions of two SavedModels by the operations of which they consist.

    Those that two versions of TensorFlow wrote may differ and compute the same.
    """
    if not a.kind == b.kind == SAVED_MODEL:
        sides = (name for name, each in (("a", a), ("b", b)) if each.kind == SAVED_MODEL)
        return FunctionChanges(
            notes=tuple(
                f"{name} is a SavedModel, whose functions are not compared" for name in sides
            )
        )
    ours, theirs = (
        read_functions(mlflow_model(each.path)[0] if each.holder == "mlflow" else each.path)
        for each in (a, b)
    )
    changes, traced = [], []
    for name in sorted({*ours.signatures, *theirs.signatures}):
        old, new = ours.signatures.get(name), theirs.signatures.get(name)
        if old is None or new is None or old.interface != new.interface:
            changes.append(Change(what=name, a=_interface(old), b=_interface(new)))
        elif old.computes != new.computes:
            traced.append((name, old.computes.operations, new.computes.operations))
    if a.writer.tensorflow == b.writer.tensorflow:
        changes += [
            Change(what=name, a=f"{old} operations", b=f"{new} others") for name, old, new in traced
        ]
        notes = []
    else:
        notes = [
            f"{name} has {old} operations of TensorFlow {a.writer.tensorflow} in a, and {new} of "
            f"{b.writer.tensorflow} in b, which may compute the same"
            for name, old, new in traced
        ]
    if ours.every != theirs.every and not (changes or notes):
        notes = ["functions without a signature differ"]
    return FunctionChanges(tuple(changes), tuple(notes))


def _interface(signature: Signature | None) -> str:
    return "; ".join(signature.interface) if signature else ABSENT


def changed_assets(a: Contents, b: Contents) -> Iterator[Change]:
    """Yield the assets of archives, such as vocabularies, that differ."""
    ours, theirs = _assets(a), _assets(b)
    if ours is None or theirs is None:
        return
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            texts = [
                f"sha256 {side[name][:12]}" if name in side else "none" for side in (ours, theirs)
            ]
            yield Change(what=name, a=texts[0], b=texts[1])


def _assets(contents: Contents) -> dict[str, str] | None:
    """Return the digests of an archive's assets; None for other formats."""
    if contents.kind != "keras-archive" or contents.holder not in {None, "folder"}:
        return None
    if contents.holder == "folder":
        root = contents.path / ASSETS
        files = [
            Path(folder) / name
            for folder, _, names in os.walk(root)
            for name in names
            if not (Path(folder) / name).is_symlink()
        ]
        return {
            f"{ASSETS}{path.relative_to(root)}": hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files[:MOST_ASSETS]
            if path.is_file()
        }
    with zipfile.ZipFile(contents.path) as archive:
        names = [name for name in archive.namelist() if name.startswith(ASSETS)]
        return {name: _digest(archive, name) for name in names[:MOST_ASSETS] if name[-1] != "/"}


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    total = hashlib.sha256()
    with archive.open(name) as member:
        while block := member.read(BLOCK):
            total.update(block)
    return total.hexdigest()
