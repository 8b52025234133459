"""Downloads models that an address names, into a folder of this machine.

Addresses are ``hf://…``, ``models:/…`` and ``s3://…``. Which files belong to the model is decided
by their names, before any is downloaded.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError
from kerasmatrix.files.discover import ENDINGS, MLMODEL, SAVED_MODEL
from kerasmatrix.files.remote_sources import S3, HuggingFace, Mlflow, RemoteFile, Source
from kerasmatrix.text.lines import first_line
from kerasmatrix.text.redaction import mask_secrets_of

__all__ = ["LARGEST", "address_of", "download"]

LARGEST = 8 << 30  # bytes of one model
MOST_FILES = 10_000
MOST_NAMES = 5
LONGEST_MESSAGE = 400
SOURCES: Mapping[str, Callable[[str], Source]] = {"hf": HuggingFace, "models": Mlflow, "s3": S3}
ADDRESS = re.compile(r"(hf|s3):/+(.+)|(models:/.+)", re.DOTALL)
# An archive of Keras 3 that is unpacked into a folder, as on the Hugging Face hub.
UNPACKED = {"config.json", "metadata.json", "model.weights.h5"}
ASSETS = "assets/"


def address_of(path: Path) -> str | None:
    """Return the address that a command-line argument is; None for a path of this machine.

    A `Path` has dropped one of the two slashes.
    """
    found = ADDRESS.fullmatch(str(path))
    if found is None or os.path.lexists(path):
        return None
    return found.group(3) or f"{found.group(1)}://{found.group(2)}"


def download(address: str, folder: Path, largest: int = LARGEST) -> Path:
    """Download the model at an address into a folder of its own in ``folder``; return its path.

    Args:
        address: see the module.
        folder: an existing folder.
        largest: how many bytes it may have.

    Raises:
        UsageError: the address is not valid, names no model or several, or one that is too large;
            or the library for it is not installed.
        InfrastructureError: the server does not answer.
    """
    try:
        source = SOURCES[address.partition(":")[0]](address)
        files = list(_limited(address, source))
        chosen = _chosen(address, source.wanted, files)
        _check_size(address, chosen, largest)
        target = folder / _own_name(source.title, folder)
        target.mkdir()
        source.download([each.name for each in chosen], target)
        _check_size(address, _downloaded(target), largest)
    except KerasmatrixError:
        raise
    except Exception as error:  # noqa: BLE001 - libraries raise errors of many kinds
        raise _failed(address, error) from None
    if source.wanted:
        return target / source.wanted
    names = [each.name for each in chosen]
    return target / names[0] if len(names) == 1 and not _is_whole(names) else target


def _own_name(title: str, folder: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", title).strip(".") or "model"
    name, number = plain, 1
    while (folder / name).exists():
        number += 1
        name = f"{plain}-{number}"
    return name


def _limited(address: str, source: Source) -> list[RemoteFile]:
    files: list[RemoteFile] = []
    for each in source.files():
        parts = PurePosixPath(each.name).parts
        if each.name.startswith("/") or ".." in parts or "\\" in each.name or "\0" in each.name:
            raise UsageError(f"{address}: has a file whose name leads elsewhere: {each.name!r}")
        files.append(each)
        if len(files) > MOST_FILES:
            raise UsageError(f"{address}: has more than {MOST_FILES:,} files")
    if not files:
        raise UsageError(f"{address}: there is nothing of that name")
    return files


def _chosen(address: str, wanted: str, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Return the files of the model."""
    if wanted:
        exact = [each for each in files if each.name == wanted]
        below = [each for each in files if each.name.startswith(f"{wanted}/")]
        if not (exact or below):
            raise UsageError(
                f"{address}: there is no such file",
                hint=f"it has: {_listed([each.name for each in files])}",
            )
        return exact or below
    names = [each.name for each in files]
    if len(files) == 1:
        return list(files)
    if _is_whole(names):
        is_unpacked = UNPACKED & set(names) and SAVED_MODEL not in names and MLMODEL not in names
        return [
            each
            for each in files
            if not is_unpacked or each.name in UNPACKED or each.name.startswith(ASSETS)
        ]
    models = [each for each in files if each.name.endswith(ENDINGS)]
    if len(models) == 1:
        return models
    if not models:
        raise UsageError(f"{address}: has no model of Keras", hint=f"it has: {_listed(names)}")
    raise UsageError(
        f"{address}: has {len(models)} models",
        hint=f"add the name of one: {_listed([each.name for each in models])}",
    )


def _is_whole(names: Sequence[str]) -> bool:
    """Return whether files of these names are one model as a folder."""
    held = set(names)
    if SAVED_MODEL in held or MLMODEL in held:
        return True
    return "config.json" in held and bool(held & (UNPACKED - {"config.json"}))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _check_size(address: str, files: Sequence[RemoteFile], largest: int) -> None:
    size = sum(each.size or 0 for each in files)
    if size > largest:
        raise UsageError(
            f"{address}: has {size:,} bytes, more than the {largest:,} that are downloaded",
            hint="download it by other means, and name the file",
        )


def _downloaded(folder: Path) -> list[RemoteFile]:
    """Return the files in a folder; a link among them is an error."""
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink():
            raise UsageError(f"{path.name}: was downloaded as a link")
        if path.is_file():
            found.append(RemoteFile(path.name, path.stat().st_size))
    return found


def _failed(address: str, error: Exception) -> KerasmatrixError:
    kind = type(error).__name__
    text = mask_secrets_of(address, first_line(error))[:LONGEST_MESSAGE]
    message = f"{address}: cannot be downloaded: {kind}: {text}"
    if isinstance(error, ConnectionError | TimeoutError) or re.search("Connect|Timeout", kind):
        return InfrastructureError(message, hint="check the network and the server's address")
    return UsageError(message, hint="check the address, and the rights of your token or key")
