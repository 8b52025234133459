"""Reads the contents of a SavedModel's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.checkpoint import INDEX, data_files, read_checkpoint, read_steps
from kerasmatrix.inspection.contents import Contents, major_of, size_of, warnings_about
from kerasmatrix.inspection.facts import Hazard, Weights, Writer
from kerasmatrix.inspection.folder_check import find_fault, refusal
from kerasmatrix.inspection.hazards import ACTING_OPERATIONS, MOST_HAZARDS
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.inspection.saved_model import SavedModel, read_saved_model

__all__ = ["read_saved_model_folder"]

VARIABLES = "variables"
MOST_NAMES = 10_000


def read_saved_model_folder(path: Path, *, digest: bool) -> Contents:
    """Return the contents of the SavedModel in the folder ``path``."""
    if not (path / "saved_model.pb").is_file():
        raise UsageError(
            f"{path}: is a SavedModel written as text", hint="only saved_model.pb can be read"
        )
    try:
        saved = read_saved_model(path)
    except NotPlain as error:
        raise refusal(path, error) from None
    fault = find_fault(path)
    metadata = saved.metadata if isinstance(saved.metadata, Mapping) else {}
    keras = metadata.get("keras_version")
    recorded = [
        name for name, value in (("tensorflow", saved.tensorflow), ("keras", keras)) if value
    ]
    writer = Writer(
        keras=keras,
        keras_major=major_of(keras),
        tensorflow=saved.tensorflow,
        backend=metadata.get("backend"),
        recorded=tuple(recorded),
    )
    prefix = path / VARIABLES / VARIABLES
    names = _names(path / VARIABLES)
    data = data_files(prefix, names)
    # A module of TensorFlow lists no variables in its root, but has their index.
    lacks_numbers = not data and (saved.variables > 0 or prefix.name + INDEX in names)
    notes = [] if metadata else ["it has no Keras metadata: it can only predict"]
    if digest:
        notes.append("no digest is computed for the weights of a SavedModel")
    if lacks_numbers:
        notes.append("its variables are missing: it has no variables/variables.data-…")
    if fault:
        notes.append(f"{fault}: all other commands refuse the folder")
    weights = Weights(arrays=saved.variables, parameters=saved.parameters, bytes=saved.bytes)
    return Contents(
        path,
        "saved-model",
        writer=writer,
        config=metadata if "config" in metadata else None,
        training=metadata.get("training_config"),
        stored=(
            stored := Stored(
                weights=weights,
                repeated=saved.repeated,
                optimizer_arrays=saved.slots,
                optimizer_slots=saved.slots,
                optimizer_steps=_steps(prefix) if data else 0,
                lacks_numbers=lacks_numbers,
                must_restore=saved.must_restore,
            )
        ),
        notes=(*notes, *warnings_about(stored, size_of(path))),
        fault=fault,
        hazards=tuple(islice(_hazards(saved), MOST_HAZARDS)),
    )


def _hazards(saved: SavedModel) -> Iterator[Hazard]:
    for name in saved.operations:
        kind = ACTING_OPERATIONS[name]
        yield Hazard(kind=kind, layer="the graph", names=f"the operation {name}")
    for name in saved.assets:
        yield Hazard(kind="file", layer="the list of assets", names=words(name))


def _names(folder: Path) -> set[str]:
    """Return the names in a folder; none if it is a link, or there is no such folder."""
    if folder.is_symlink() or not folder.is_dir():
        return set()
    return {entry.name for entry in islice(folder.iterdir(), MOST_NAMES)}


def _steps(prefix: Path) -> int:
    """Return the number of steps that the optimizer has made; 0 if it is unknown."""
    try:
        return read_steps(prefix, read_checkpoint(prefix))
    except (NotPlain, ValueError, OSError):  # the graph alone can still be described
        return 0
