"""Puts a converted file where it was asked for, whole or not at all, with its manifest beside it.

Nothing that is there is replaced unless that was asked for, and the original never.
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
from kerasmatrix.files.model_input import digest_file

__all__ = ["check_output", "manifest_beside", "size_of", "write_file"]

SAVED_MODEL = "saved_model.pb"
BESIDE = ".kerasmatrix.json"


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def manifest_beside(output: Path) -> Path:
    """Return where the manifest of a file is kept if nobody says where."""
    return output.with_name(output.name + BESIDE)


def check_output(source: Path, output: Path, manifest: Path, *, overwrite: bool) -> None:
    """See that nothing is lost by writing, before anything is measured.

    Raises:
        UsageError: something is there, or there is no folder to write into.
    """
    for path in (output, manifest):
        if path.resolve() == source.resolve() or source.resolve() in path.resolve().parents:
            raise UsageError(
                f"{path}: is the file that is to be converted",
                hint="name another: the original stays as it is",
            )
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent}: there is no such folder")
        if path.exists() and not overwrite:
            raise UsageError(f"{path}: is there already", hint="name another, or add --overwrite")
    if output.resolve() == manifest.resolve():
        raise UsageError(f"{manifest}: is where the model goes", hint="name another --manifest")
    if manifest.is_dir() or (output.is_dir() and not (output / SAVED_MODEL).is_file()):
        folder = manifest if manifest.is_dir() else output
        raise UsageError(
            f"{folder}: is a folder, and no SavedModel that could be replaced",
            hint="name the file to write, such as model.h5 in it",
        )


def write_file(made: Path, told: Manifest, output: Path, manifest: Path) -> None:
    """Write a converted file and its manifest.

    Raises:
        InfrastructureError: it cannot be written, or what is written is not what was verified.
    """
    try:
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".kerasmatrix-") as folder:
            staged = Path(folder, output.name)
            if made.is_dir():
                shutil.copytree(made, staged)
            else:
                shutil.copyfile(made, staged)
            if digest_file(staged) != told.output.sha256:
                raise InfrastructureError(
                    f"{output}: what was written is not what was verified",
                    hint="see that the disk is sound, and convert again",
                )
            listed = Path(folder, "manifest.json")
            listed.write_text(told.model_dump_json(indent=1) + "\n", encoding="utf-8")
            with _set_aside(output, Path(folder, "before"), staged):
                staged.replace(output)
                shutil.move(listed, manifest)
    except OSError as error:
        raise InfrastructureError(
            f"{output}: cannot be written: {error.strerror or error}",
            hint="see that there is space, and that the folder can be written",
        ) from error


@contextlib.contextmanager
def _set_aside(output: Path, aside: Path, staged: Path) -> Iterator[None]:
    """Keep what is at ``output`` as ``aside``, and put it back if ``staged`` does not get there.

    A file is replaced by a file in one step and stays where it is until then. Where one of them
    is a folder that cannot be done: what is there is moved out of the way first.
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
