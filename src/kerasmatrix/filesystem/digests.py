"""Digests of files, folders and code: SHA-256 as hexadecimal text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from kerasmatrix.filesystem.copies import read_file, read_tree
from kerasmatrix.filesystem.plain_files import LIMITS, Limits, NotPlain

__all__ = [
    "HARNESS",
    "digest_code",
    "digest_file",
    "digest_files",
    "digest_path",
    "digest_tree",
    "harness_digest",
    "remedies_digest",
]

# It lies in the package, but is not imported here: it runs without the rest of the package.
HARNESS = Path(__file__).resolve().parents[1] / "harness"


def digest_tree(source: Path | int, limits: Limits = LIMITS) -> str:
    """Return the digest of the names and contents of all files in a folder and below.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        limits: how much the folder may hold.

    Raises:
        NotPlain: ``source`` is not a folder, or holds something that is not read.
    """
    return read_tree(source, limits)


def digest_file(source: Path, limits: Limits = LIMITS) -> str:
    """Return the digest of a file, which may be named by a symbolic link.

    Args:
        source: the file.
        limits: how large it may be, and whether it may have a second name.

    Raises:
        NotPlain: ``source`` is not a plain file, or cannot be read.
    """
    return read_file(source, limits)


def digest_path(path: Path) -> str:
    """Return the digest of a file or a folder.

    Raises:
        OSError: it cannot be read, or it is neither a file nor a folder of plain files.
    """
    try:
        return digest_tree(path) if path.is_dir() else digest_file(path)
    except NotPlain as error:
        raise OSError(f"{path}: {error}") from error


def digest_files(folder: Path, names: Iterable[bytes]) -> str:
    """Return the digest of the files in ``folder`` with these relative names. Links are followed.

    Raises:
        OSError: a file cannot be read.
    """
    total = hashlib.sha256()
    for name in sorted(names):
        content = hashlib.sha256((folder / os.fsdecode(name)).read_bytes())
        # A name ends with a zero byte, which no name contains, and a digest has a fixed length:
        # other files never give the same text.
        total.update(name + b"\0" + content.digest())
    return total.hexdigest()


def digest_code(folder: Path) -> str:
    """Return the digest of the Python files in ``folder``, without those in folders below it."""
    # A run asks before each worker that it opens whether the harness was edited.
    with os.scandir(folder) as entries:
        files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".py")]
    state = ((name, each.st_ino, each.st_size, each.st_mtime_ns) for name, each in files)
    return _digest_code(folder, tuple(sorted(state)))


@lru_cache(maxsize=16)
def _digest_code(folder: Path, files: tuple[tuple[str, int, int, int], ...]) -> str:
    return digest_files(folder, [os.fsencode(name) for name, *_ in files])


def harness_digest() -> str:
    """Return the digest of the harness, without the remedies.

    A change of the remedies must not renew plain loads, so they have their own digest.
    """
    return digest_code(HARNESS)


def remedies_digest() -> str:
    """Return the digest of the code that carries out fixes."""
    return digest_code(HARNESS / "remedies")
