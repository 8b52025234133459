"""Writes converted files and their manifests, each completely or not at all.

Existing files are replaced only on request, and an original never.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.conversion_plan import FORMATS_BY_ENDING, format_of, formats_for
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.filesystem.named_files import try_folder
from kerasmatrix.results.results_json import dump

__all__ = [
    "WEIGHTS",
    "WEIGHTS_ENDINGS",
    "Output",
    "check_folder",
    "check_output",
    "default_manifest",
    "is_within",
    "is_written",
    "modules_of",
    "outputs_in",
    "size_of",
    "write_file",
]

SAVED_MODEL = "saved_model.pb"
WEIGHTS = "weights"
# Keras 2.12 and later look for another layout of weights under the first of these endings.
WEIGHTS_ENDINGS = (".weights.h5", ".h5")
# The endings of files with half a model, and of HDF5 by another name.
SOURCES = (".weights.json", ".json", ".yaml", ".yml", ".hdf5")
ENDINGS = {"h5": ".h5", "keras": ".keras", "savedmodel": ""}
MANIFEST_ENDING = ".kerasmatrix.json"
MODULE = ".py"


class Output(NamedTuple):
    """The new file that is wanted for a source.

    Attributes:
        path: the new file.
        formats: those it may have, the best first.
        taken: the paths of other new files.
        manifest: the file that describes it; by default next to it.
    """

    path: Path
    formats: tuple[str, ...]
    taken: frozenset[Path] = frozenset()
    manifest: Path | None = None

    def path_as(self, file_format: str, made: Path) -> Path:
        """Return the path of the new file if it has this format: Keras looks at its ending.

        Args:
            file_format: the format.
            made: the file as it was made and loaded; Keras finds the layout of weights by its name.
        """
        if file_format == WEIGHTS:
            return self._path_of_weights(made)
        if file_format not in ENDINGS or format_of(self.path.suffix) == file_format:
            return self.path
        is_ending = self.path.suffix in FORMATS_BY_ENDING
        plain = self.path.with_suffix("") if is_ending else self.path
        path = plain.with_name(plain.name + ENDINGS[file_format])
        if path not in self.taken:
            return path
        return self.path.with_name(self.path.name + (path.suffix or ".savedmodel"))

    def _path_of_weights(self, made: Path) -> Path:
        name = self.path.name
        ending = next(end for end in WEIGHTS_ENDINGS if made.name.endswith(end) or end == ".h5")
        own = next((end for end in (*WEIGHTS_ENDINGS, *SOURCES) if name.endswith(end)), "")
        return self.path if own == ending else self.path.with_name(name.removesuffix(own) + ending)


def outputs_in(
    folder: Path, models: Mapping[Path, str], named: Iterable[Path]
) -> dict[Path, Output]:
    """Return the output of each file in ``folder``, in the subfolders that it has below ``named``.

    Args:
        folder: the folder to write into.
        models: the files, with the format of each.
        named: the files and folders that the user named.
    """
    paths: dict[Path, Path] = {}
    for model in models:
        root = next((path for path in named if path != model and path in model.parents), None)
        place = folder / (model.relative_to(root) if root else model.name)
        number = 1
        while place in paths.values():
            number += 1
            place = place.with_name(f"{model.stem}-{number}{model.suffix}")
        paths[model] = place
    taken = frozenset(paths.values())
    return {
        model: Output(place, formats_for(model.name, models[model]), taken - {place})
        for model, place in paths.items()
    }


def is_written(manifest: Manifest) -> bool:
    """Return whether the very file of a manifest is there already."""
    path = Path(manifest.output.path)
    try:
        return path.exists() and digest_path(path) == manifest.output.sha256
    except OSError:
        return False


def modules_of(made: Path) -> tuple[str, ...]:
    """Return the names of the modules that a conversion left next to the model that it made."""
    return tuple(sorted(path.name for path in made.parent.glob(f"*{MODULE}")))


def size_of(path: Path) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def default_manifest(output: Path) -> Path:
    """Return the default path of the manifest of a file."""
    return output.with_name(output.name + MANIFEST_ENDING)


def check_output(source: Path, output: Path, manifest: Path, *, overwrite: bool) -> None:
    """Check that writing will succeed and lose nothing, before anything is measured.

    Raises:
        UsageError: a file exists already, or its folder is a file.
        InfrastructureError: its folder cannot be written.
    """
    for path in (output, manifest):
        if is_within(path, source):
            raise UsageError(
                f"{path}: is the file to convert",
                hint="name another file: the original is never changed",
            )
        check_folder(path.parent)
        if path.exists() and not overwrite:
            raise UsageError(
                f"{path}: exists already", hint="name another file, or add --overwrite"
            )
    if os.path.realpath(output) == os.path.realpath(manifest):
        raise UsageError(
            f"{manifest}: is also the file for the model", hint="name another --manifest"
        )
    if manifest.is_dir() or (output.is_dir() and not (output / SAVED_MODEL).is_file()):
        folder = manifest if manifest.is_dir() else output
        raise UsageError(
            f"{folder}: is a folder, and not a SavedModel that could be replaced",
            hint="name the file to write, such as model.h5 in it",
        )


def is_within(path: Path, folder: Path) -> bool:
    """Return whether a path is that of a file or folder, or one below it, links being followed."""
    # `Path.resolve` raises an exception for a link to itself, up to Python 3.12.
    inner, outer = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    return outer in (inner, *inner.parents)


def check_folder(folder: Path) -> None:
    """Check that a folder can be made and written. Leaves nothing behind.

    Raises:
        UsageError: it is a file.
        InfrastructureError: it cannot be written.
    """
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        raise UsageError(f"{there}: is not a folder", hint="name another folder for the output")
    try:
        try_folder(folder)
    except OSError as error:
        raise InfrastructureError(
            f"{folder}: cannot be written: {error.strerror}", hint="name another folder"
        ) from error


def write_file(model: Path, manifest: Manifest, output: Path, manifest_path: Path) -> None:
    """Write a converted file, its manifest and its modules; make their folder if necessary.

    Raises:
        UsageError: another module has the name of one of these.
        InfrastructureError: they cannot be written, or the written file is not the verified one.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        manifest_path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".kerasmatrix-") as folder:
            staged = Path(folder, output.name)
            if model.is_dir():
                shutil.copytree(model, staged)
            else:
                shutil.copyfile(model, staged)
            if digest_path(staged) != manifest.output.sha256:
                raise InfrastructureError(
                    f"{output}: the written file differs from the verified one",
                    hint="check the disk, and convert again",
                )
            staged_manifest = Path(folder, "manifest.json")
            staged_manifest.write_text(f"{dump(manifest)}\n", encoding="utf-8")
            for name in manifest.modules:
                _write_module(model.with_name(name), output.with_name(name))
            with _set_aside(output, Path(folder, "before"), staged):
                staged.replace(output)
                shutil.move(staged_manifest, manifest_path)
    except OSError as error:
        raise InfrastructureError(
            f"{output}: cannot be written: {error.strerror or error}",
            hint="check that there is space, and that the folder can be written",
        ) from error


def _write_module(module: Path, path: Path) -> None:
    """Write a module that all files in the folder share, also over one of an earlier release."""
    text = module.read_text(encoding="utf-8")
    there = path.read_text(encoding="utf-8") if path.exists() else text
    if there.partition("\n")[0] != text.partition("\n")[0]:
        raise UsageError(
            f"{path}: is another module than the one that the new file needs",
            hint="write the new file into another folder",
        )
    write_atomic(path, [text.encode()])


@contextlib.contextmanager
def _set_aside(output: Path, aside: Path, staged: Path) -> Iterator[None]:
    """Keep an existing ``output`` as ``aside``, and restore it on failure.

    A file replaces a file in one step. If one of them is a folder, that is impossible: the existing
    one is moved away first.
    """
    if not output.exists():
        yield
        return
    if output.is_file() and staged.is_file():
        os.link(output, aside)
    else:
        output.replace(aside)
    try:
        yield
    except BaseException:
        if output.is_dir():
            shutil.rmtree(output)
        elif aside.is_dir():
            output.unlink(missing_ok=True)
        aside.replace(output)
        raise
