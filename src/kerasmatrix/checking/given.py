"""Files that were saved elsewhere: which there are, and each as a scenario that saves nothing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import UsageError
from kerasmatrix.formats import FORMATS
from kerasmatrix.inspection.model_file import ModelFile, Writer
from kerasmatrix.matrix import Environment
from kerasmatrix.scenario import Scenario, digest_scenario
from kerasmatrix.store import digest_tree
from kerasmatrix.versions import version_key

__all__ = [
    "Companions",
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
            # Whatever is no file and no folder any more is not read: it may never end.
            return not (path.is_file() or path.is_dir()) or digest_file(path) != self.sha256
        except OSError:
            return True

    @property
    def form(self) -> str:
        """The format it is in, by its content."""
        return FORMS[self.told.kind]


def find_models(paths: Iterable[Path]) -> list[Path]:
    """Return the model files among ``paths`` and, for folders that are none, below them.

    Raises:
        UsageError: a path is not there, or a folder holds no model.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file")
        if not path.is_dir() or (path / SAVED_MODEL).is_file():
            found.append(path)
            continue
        below = sorted(_below(path))
        if not below:
            raise UsageError(
                f"{path}: is a folder without a model",
                hint=f"looked for {', '.join(sorted(ENDINGS))} and {SAVED_MODEL} in it and below",
            )
        found += below
    return list(dict.fromkeys(found))


def _below(folder: Path) -> Iterable[Path]:
    for root, folders, files in os.walk(folder):
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
        UsageError: nothing can be loaded from such a file alone, or it changes.
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
    folder.mkdir(parents=True)
    for script in ("load.py", "save.py"):
        text = resources.files("kerasmatrix.checking").joinpath("stand_in", script).read_text()
        (folder / script).write_text(text)
    given = {"code": companions.code.stem if companions.code else None}
    if companions.code:
        shutil.copyfile(companions.code, folder / companions.code.name)
    inputs = companions.inputs_for(path)
    if inputs:
        _copy_inputs(inputs, folder / "inputs.npz")
    (folder / "given.json").write_text(json.dumps({**given, "inputs": bool(inputs)}))
    copy = folder / "given" / _called(path, told)
    _copy(path, copy)
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
        digest=digest_scenario(folder),
        folder=folder,
    )
    return Given(told, scenario, digest_file(copy))


def _copy_inputs(source: Path, target: Path) -> None:
    """Copy sample inputs.

    Raises:
        UsageError: they are none, or cannot be read.
    """
    try:
        shutil.copyfile(source, target)
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
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path.name).strip("._-") or "model"
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
    return (
        f"{told.kind.replace('-', ' ')}, written by {by or 'a version it does not name'}, "
        f"{told.layers} layers, {count:,} numbers{custom}."
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
            version_key(environment.tensorflow)[1]
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
    if lock.keras_major >= KERAS_3 and "TF_USE_LEGACY_KERAS" not in environment.variables:
        return 100 + version_key(lock.packages["keras"])[1]
    major, minor = version_key(environment.tensorflow)[:2]
    return minor if major > 1 else -1


def _generations_of(writer: Writer) -> tuple[int, int]:
    """Return between which two places a writer stands in that order: it may be a range."""
    if writer.keras_major == KERAS_3:
        place = 100 + (version_key(writer.keras)[1] if writer.keras else 0)
        return place, place
    places = []
    for version in (writer.tensorflow or "").split(" to "):
        key = version_key(version)[:2] if version else ()
        if len(key) == len(("major", "minor")):
            places.append(key[1] if key[0] > 1 else -1)
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
    return f"model{path.suffix}"


def look_of(path: Path) -> Look:
    """Return what changes when a file, or one in a folder, is written: it is not read for it."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return tuple(
        (str(each), told.st_ino, told.st_size, told.st_mtime_ns)
        for each in files
        if (told := _stat(each)) is not None
    )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat() if path.is_symlink() and not path.exists() else path.stat()
    except OSError:
        return None


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, or over the names and contents of what is in a folder.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        return digest_tree(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir()
    try:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except (OSError, shutil.Error) as error:
        raise UsageError(f"{source}: cannot be copied: {error}") from error
