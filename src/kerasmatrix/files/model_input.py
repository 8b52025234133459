"""Files that were saved elsewhere: which there are, and each as a scenario that saves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.config.scenario import Scenario, digest_scenario
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.plain_files import NotPlain, copy_file, copy_tree, digest_tree, walk
from kerasmatrix.filesystem.plain_files import digest_file as digest_plain_file
from kerasmatrix.inspection.folder_check import refusal
from kerasmatrix.inspection.model_info import ModelFile, Writer
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.versions import minor_of

__all__ = [
    "Companions",
    "Found",
    "Given",
    "Look",
    "by_closeness",
    "describe",
    "digest_file",
    "distances",
    "find_models",
    "look_of",
    "stand_in",
    "unique_name",
]

# What `inspect` calls a file, and the format that makes it.
FORMS = {
    "hdf5-model": "h5",
    "hdf5-weights": "weights",
    "keras-archive": "keras",
    "saved-model": "savedmodel",
}
ENDINGS = {".h5", ".hdf5", ".keras"}
SAVED_MODEL = "saved_model.pb"
INPUTS_ENDING = ".npz"
KERAS_3 = 3
FIRST_WITH_KERAS_3 = 16  # TensorFlow's minor
# Keras 3 takes weights by this ending only; before, it meant nothing.
WEIGHTS_ENDING = ".weights.h5"
# A scenario's name is that of a folder, which with a number behind it has at most 255 bytes.
LONGEST_NAME = 120
# An ending that Keras 3 refuses by name is kept, so that it does; one with bytes that mean
# something to a terminal or a shell is not.
ENDING = re.compile(r"\.[A-Za-z0-9_+-]{1,32}")

# Of a file, or of each in a folder: its name, number, size and time of writing.
Look = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Companions:
    """What came with files: the code of their custom classes, and sample inputs.

    ``inputs`` is an npz file for all of them, or a folder with one for each.
    """

    code: Path | None = None
    inputs: Path | None = None

    def check(self) -> None:
        """Find out whether they are there.

        Raises:
            UsageError: one is not, or is of another kind.
        """
        if self.code and not (self.code.is_file() and self.code.suffix == ".py"):
            raise UsageError(
                f"{self.code}: is no Python file",
                hint="name the module that defines the model's own classes",
            )
        if self.code and not self.code.stem.isidentifier():
            raise UsageError(
                f"{self.code}: {self.code.stem!r} is no name of a module",
                hint="call it as it is called in an import",
            )
        if self.inputs is None:
            return
        if self.inputs.is_dir():
            if not any(self.inputs.glob(f"*{INPUTS_ENDING}")):
                raise UsageError(
                    f"{self.inputs}: is a folder without .npz files",
                    hint="for models/churn.h5 it would be churn.npz or churn.h5.npz, "
                    "written with numpy.savez",
                )
        elif not (self.inputs.is_file() and self.inputs.suffix == INPUTS_ENDING):
            raise UsageError(
                f"{self.inputs}: is no .npz file, and no folder of them",
                hint="write one with numpy.savez(path, first_input, second_input)",
            )

    def inputs_for(self, model: Path) -> Path | None:
        """Return the sample inputs of a model: of a folder those that are called as it is."""
        if self.inputs is None or not self.inputs.is_dir():
            return self.inputs
        names = (f"{model.name}{INPUTS_ENDING}", f"{model.stem}{INPUTS_ENDING}")
        return next((path for name in names if (path := self.inputs / name).is_file()), None)


@dataclass(frozen=True)
class Given:
    """A file as `inspect` sees it, and the scenario that stands for it.

    ``sha256`` is the digest of the copy that is measured.
    """

    told: ModelFile
    scenario: Scenario
    sha256: str = ""

    @property
    def has_changed(self) -> bool:
        """Whether the file is not any more what is measured."""
        path = Path(self.told.path)
        try:
            return digest_file(path) != self.sha256
        except OSError:
            return True

    @property
    def form(self) -> str:
        """The format it is in, by its content."""
        return FORMS[self.told.kind]


@dataclass(frozen=True)
class Found:
    """Paths that may be models, and an error for each other path that was named."""

    paths: tuple[Path, ...]
    refused: Mapping[Path, UsageError]


def find_models(paths: Iterable[Path]) -> Found:
    """Return the model files among ``paths`` and, for folders that are none, below them.

    A path that is not there, or that no file system has, is refused; the others are found.
    """
    found: list[Path] = []
    refused: dict[Path, UsageError] = {}
    for path in paths:
        try:
            found += _models_at(path)
        except UsageError as error:
            refused[path] = error
        except (OSError, ValueError) as error:  # too long, or with a zero byte in it
            reason = getattr(error, "strerror", None) or error
            refused[path] = UsageError(f"{path}: cannot be read: {reason}")
    return Found(tuple(dict.fromkeys(found)), refused)


def _models_at(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    if not path.is_dir() or os.path.lexists(path / SAVED_MODEL):
        return [path]
    below = sorted(_below(path))
    if not below:
        raise UsageError(
            f"{path}: is a folder without a model",
            hint=f"looked for {', '.join(sorted(ENDINGS))} and {SAVED_MODEL} in it and below",
        )
    return below


def _below(folder: Path) -> Iterable[Path]:
    for root, folders, files in os.walk(folder):
        # A link to a folder is among the folders, and os.walk does not follow it.
        if SAVED_MODEL in files:
            folders.clear()
            yield Path(root)
        else:
            yield from (Path(root, name) for name in files if Path(name).suffix in ENDINGS)


def stand_in(
    told: ModelFile, name: str, folder: Path, companions: Companions, before: Look | None = None
) -> Given:
    """Make a scenario about a file in ``folder``, with a copy of the file.

    Args:
        told: what `inspect` says of the file.
        name: what to call the scenario.
        folder: a new folder of that name.
        companions: what came with the file.
        before: how the file looked before `inspect` saw it.

    Raises:
        UsageError: nothing can be loaded from such a file alone, or it cannot be copied, or it
            changes.
        InfrastructureError: ``folder`` cannot be written.
    """
    path = Path(told.path)
    if told.kind not in FORMS:
        raise UsageError(
            f"{path}: is an architecture without weights: there are no numbers to compare",
            hint="check the file with the weights, or write a scenario that builds the model",
        )
    if told.kind == "hdf5-weights" and companions.code is None:
        raise UsageError(
            f"{path}: holds weights without an architecture",
            hint="give the code that builds the model with --custom-objects, in a function build()",
        )
    copy = folder / "given" / _called(path, told)
    with _writing(folder):
        folder.mkdir(parents=True)
        _write_scripts(folder, companions, companions.inputs_for(path))
        copy.parent.mkdir()
        sha256 = _copy(path, copy)
    if before not in {None, look_of(path)}:
        raise UsageError(
            f"{path}: changes while it is read", hint="wait until it is written to its end"
        )
    scenario = Scenario(
        name=name,
        title=str(path),
        shows=describe(told),
        formats=tuple(FORMATS),
        given=True,
        trained=bool(told.training and told.training.optimizer_slots),
        holds_code=not told.is_plain_data,
        digest=digest_scenario(folder),
        folder=folder,
    )
    return Given(told, scenario, sha256)


def _write_scripts(folder: Path, companions: Companions, inputs: Path | None) -> None:
    for script in ("load.py", "save.py"):
        text = resources.files("kerasmatrix.files").joinpath("template", script).read_text()
        (folder / script).write_text(text)
    given = {"code": companions.code.stem if companions.code else None}
    if companions.code:
        _copy(companions.code, folder / companions.code.name)
    if inputs:
        _copy_inputs(inputs, folder / "inputs.npz")
    (folder / "given.json").write_text(json.dumps({**given, "inputs": bool(inputs)}))


def _copy_inputs(source: Path, target: Path) -> None:
    """Copy sample inputs.

    Raises:
        UsageError: the file is not an .npz file with arrays, or cannot be read.
    """
    _copy(source, target)
    try:
        with zipfile.ZipFile(target) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{source}: cannot be read as sample inputs: {error}",
            hint="write them with numpy.savez(path, first_input, second_input)",
        ) from error
    if not names:
        raise UsageError(
            f"{source}: holds no arrays",
            hint="write them with numpy.savez(path, first_input, second_input)",
        )


def unique_name(path: Path, taken: Iterable[str]) -> str:
    """Return a name for the file at ``path`` that no other has."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path.name).strip("._-")[:LONGEST_NAME] or "model"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def describe(told: ModelFile) -> str:
    """Say in a sentence what a file is."""
    writer = told.writer
    by = f"Keras {writer.keras}" if writer.keras else None
    if by is None and writer.keras_major:
        by = f"Keras {writer.keras_major}"
    custom = f", custom classes {', '.join(told.custom_objects)}" if told.custom_objects else ""
    count = told.weights.parameters if told.weights else 0
    second = told.second.container.replace("-", " ") if told.second else ""
    also = f" The file is also a {second}: versions differ in which they load." if second else ""
    return (
        f"{told.kind.replace('-', ' ')}, written by {by or 'a version it does not name'}, "
        f"{told.layers} layers, {count:,} numbers{custom}.{also}"
    )


def by_closeness(
    writer: Writer, environments: Sequence[Environment], locks: Mapping[str, Lock]
) -> list[str]:
    """Return the names of ``environments``, the one most like the file's writer first.

    Of two that are equally far the newer is first: files are mostly read by what came later.
    """
    found = distances(writer, environments, locks)
    age = {environment.name: -place for place, environment in enumerate(environments)}
    return sorted(found, key=lambda name: (found[name], age[name]))


def distances(
    writer: Writer, environments: Sequence[Environment], locks: Mapping[str, Lock]
) -> dict[str, float]:
    """Return how many minors of Keras lie between a file's writer and each environment."""
    first, last = _generations_of(writer)
    found: dict[str, float] = {}
    # A SavedModel of such a TensorFlow does not say which Keras made it.
    by_tensorflow = writer.keras_major is None and first >= FIRST_WITH_KERAS_3
    for environment in environments:
        own = (
            minor_of(environment.tensorflow)[1]
            if by_tensorflow
            else _generation(environment, locks[environment.name])
        )
        # Of a range such as "2.3 to 2.4" the first is the nearest, by less than any minor.
        within = min(max(own - first, 0), last - first) / 100
        found[environment.name] = max(first - own, own - last, 0) + within
    return found


def _generation(environment: Environment, lock: Lock) -> int:
    """Return where the Keras of an environment stands in the order of their releases.

    TensorFlow's minor is that of its Keras 2; Keras 3 counts its own, a hundred further on.
    """
    major, minor = minor_of(release_of(environment, lock))
    if major >= KERAS_3:
        return 100 + minor
    return minor if major > 1 else -1


def _generations_of(writer: Writer) -> tuple[int, int]:
    """Return between which two places a writer stands in that order: it may be a range."""
    if writer.keras_major == KERAS_3:
        place = 100 + (minor_of(writer.keras)[1] if writer.keras else 0)
        return place, place
    places = []
    for version in (writer.tensorflow or "").split(" to "):
        if version:
            major, minor = minor_of(version)
            places.append(minor if major > 1 else -1)
    if places:
        return places[0], places[-1]
    # Keras 2 and 1 by themselves are older than any TensorFlow 2; of what does not say, the last
    # Keras 2 reads most.
    return (-1, -1) if writer.keras else (15, 15)


def _called(path: Path, told: ModelFile) -> str:
    """Return what the copy of a file is called: its ending means something to Keras."""
    if told.kind == "saved-model":
        return "model"
    if path.name.endswith(WEIGHTS_ENDING):
        return f"model{WEIGHTS_ENDING}"
    return f"model{path.suffix if ENDING.fullmatch(path.suffix) else ''}"


def look_of(path: Path) -> Look:
    """Return what changes when a file, or one in a folder, is written: it is not read for it.

    Raises:
        UsageError: it is a folder that holds something else than plain files and folders.
    """
    try:
        if path.is_dir():
            with walk(path) as entries:
                return tuple(_look(entry.name, entry.status) for entry in entries)
        return (_look("", path.stat()),)
    except NotPlain as error:
        raise refusal(path, error) from error
    except (OSError, ValueError):
        return ()


def _look(name: str, status: os.stat_result) -> tuple[str, int, int, int]:
    return name, status.st_ino, status.st_size, status.st_mtime_ns


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, or over the names and contents of what is in a folder.

    Raises:
        OSError: it cannot be read, or it is neither a file nor a folder of plain files.
    """
    try:
        return digest_tree(path) if path.is_dir() else digest_plain_file(path)
    except NotPlain as error:
        raise OSError(f"{path}: {error}") from error


def _copy(source: Path, target: Path) -> str:
    """Copy a file or a folder and return the digest of the copy."""
    try:
        return copy_tree(source, target) if source.is_dir() else copy_file(source, target)
    except NotPlain as error:
        raise refusal(source, error) from error


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turn an error of the store's file system into one that says so."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(
            f"{folder}: the store cannot be written: {error}",
            hint="make space and run again, or name another folder with --store",
        ) from error
