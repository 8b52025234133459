"""Says of a model's folder that it holds something else than plain files and folders."""

from __future__ import annotations

from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import NotPlain, walk

__all__ = ["find_fault", "refusal"]

LINK = "is a symbolic link"


def find_fault(folder: Path) -> NotPlain | None:
    """Return what is wrong with the first entry below ``folder`` that is not plain, or None."""
    try:
        with walk(folder) as entries:
            for _ in entries:
                pass
    except NotPlain as fault:
        return fault
    return None


def refusal(path: Path, fault: NotPlain) -> UsageError:
    """Return the error that refuses the model at ``path`` for ``fault``."""
    if not fault.name:
        return UsageError(f"{path}: {fault.reason}")
    if fault.reason == LINK:
        hint = "if you trust where its links lead, copy the folder with cp -rL and name the copy"
    else:
        hint = "a model's folder holds plain files and folders, and nothing else is opened"
    return UsageError(f"{path}: {fault}", hint=hint)
