"""Writes a converted file and its manifest, completely or not at all.

Existing files are replaced only on request, and the original never.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.filesystem.digests import digest_path

__all__ = ["check_output", "default_manifest", "size_of", "write_file"]

SAVED_MODEL = "saved_model.pb"
MANIFEST_ENDING = ".kerasmatrix.json"


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
        UsageError: a file exists already, or its folder does not.
    """
    for path in (output, manifest):
        if path.resolve() == source.resolve() or source.resolve() in path.resolve().parents:
            raise UsageError(
                f"{path}: is the file to convert",
                hint="name another file: the original is never changed",
            )
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent}: there is no such folder", hint="create it first")
        if path.exists() and not overwrite:
            raise UsageError(
                f"{path}: exists already", hint="name another file, or add --overwrite"
            )
    if output.resolve() == manifest.resolve():
        raise UsageError(
            f"{manifest}: is also the file for the model", hint="name another --manifest"
        )
    if manifest.is_dir() or (output.is_dir() and not (output / SAVED_MODEL).is_file()):
        folder = manifest if manifest.is_dir() else output
        raise UsageError(
            f"{folder}: is a folder, and not a SavedModel that could be replaced",
            hint="name the file to write, such as model.h5 in it",
        )


def write_file(model: Path, manifest: Manifest, output: Path, manifest_path: Path) -> None:
    """Write a converted file and its manifest.

    Raises:
        InfrastructureError: they cannot be written, or the written file is not the verified one.
    """
    try:
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
            text = manifest.model_dump_json(indent=1) + "\n"
            staged_manifest.write_text(text, encoding="utf-8")
            with _set_aside(output, Path(folder, "before"), staged):
                staged.replace(output)
                shutil.move(staged_manifest, manifest_path)
    except OSError as error:
        raise InfrastructureError(
            f"{output}: cannot be written: {error.strerror or error}",
            hint="check that there is space, and that the folder can be written",
        ) from error


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
