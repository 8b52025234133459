"""Names the classes and functions that a program must bring to load a file. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.inspect import check_name, describe_contents, read_time
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess
from kerasmatrix.prediction.incompatibilities import find_custom_objects
from kerasmatrix.prediction.keras_api import measured_api
from kerasmatrix.strict_model import StrictModel

if TYPE_CHECKING:
    from kerasmatrix.inspection.contents import Contents

__all__ = [
    "RequiredObject",
    "inspect_required",
    "names_besides",
    "program_arguments",
    "required_objects",
    "required_of",
]

DEEPEST = 100


class RequiredObject(StrictModel):
    """A class or function that Keras does not have."""

    name: str
    registered: tuple[str, ...] = Field(
        default=(), description="names under which the file asks for it, such as Custom>sampling"
    )
    to_compile: bool = Field(default=False, description="only the compile state needs it")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of ``custom_objects`` under which Keras looks for it."""
        return self.registered or (self.name,)


def required_objects(path: Path) -> tuple[RequiredObject, ...]:
    """Return what a program must bring to load the file at ``path``, which is read in a child.

    Raises:
        UsageError: it is damaged or not a model.
    """
    return run_in_subprocess(read_required_objects, READER_LIMITS, path)


def inspect_required(
    path: Path, *, digest: bool = False
) -> tuple[ModelFile, tuple[RequiredObject, ...]]:
    """Return the description of a model, and what a program must bring to load it.

    The file is read once, in a child. It has no required objects if only those cannot be found.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also compute a digest of all weights.

    Raises:
        UsageError: see `kerasmatrix.inspection.inspect.inspect`.
    """
    check_name(path)
    limits = read_time(READER_LIMITS, path) if digest else READER_LIMITS
    model_file, required = run_in_subprocess(read_inspected, limits, path, digest=digest)
    # Code outside the model, such as os.system, is nothing that a program should bring.
    acting = {each.names.rpartition(".")[2] for each in model_file.hazards if each.kind == "code"}
    required = tuple(each for each in required if each.name not in acting)
    # The answer is valid Unicode; a path may not be.
    return model_file.model_copy(update={"path": str(path)}), required


def program_arguments(required: tuple[RequiredObject, ...]) -> str:
    """Return the argument of ``load_model`` that passes these objects."""
    pairs = (f'"{key}": {each.name}' for each in required for key in each.keys)
    return f"custom_objects={{{', '.join(pairs)}}}"


def read_required_objects(path: Path) -> tuple[RequiredObject, ...]:
    """Do the same as `required_objects` in this process, which a hostile file may crash."""
    from kerasmatrix.inspection.read import read_contents  # noqa: PLC0415

    return _required_by(read_contents(path))


def read_inspected(
    path: Path, *, digest: bool = False
) -> tuple[ModelFile, tuple[RequiredObject, ...]]:
    """Do the same as `inspect_required` in this process, which a hostile file may crash."""
    from kerasmatrix.inspection.read import read_contents  # noqa: PLC0415

    contents = read_contents(path, digest=digest)
    return describe_contents(contents), required_of(contents)


def required_of(contents: Contents) -> tuple[RequiredObject, ...]:
    """Return what a program must bring to load a file; nothing if it cannot be found."""
    try:
        return _required_by(contents)
    except Exception:  # noqa: BLE001 - a hostile configuration can make anything go wrong
        return ()


def names_besides(
    model_file: ModelFile, required: Iterable[RequiredObject]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of required objects that a description of the file does not have yet.

    Returns:
        Those that a program needs to load it, and those that it needs to compile it.
    """
    told = {*model_file.custom_objects, *(layer.function for layer in model_file.lambdas)}
    others = [each for each in required if told.isdisjoint((each.name, *each.keys))]
    return (
        tuple(each.name for each in others if not each.to_compile),
        tuple(each.name for each in others if each.to_compile),
    )


def _required_by(contents: Contents) -> tuple[RequiredObject, ...]:
    names = dict(find_custom_objects(contents.config, contents.training, measured_api()))
    registered: dict[str, dict[str, None]] = {name: {} for name in names}
    for value in (contents.config, contents.training):
        for text in _texts(value):
            name = text.rpartition(">")[2]
            if ">" in text and name in registered:
                registered[name][words(text)] = None
    return tuple(
        RequiredObject(name=words(name), registered=tuple(registered[name]), to_compile=to_compile)
        for name, to_compile in names.items()
    )


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < DEEPEST and isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner, depth + 1)
