"""Lets a command take addresses of models, which are downloaded before it begins."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kerasmatrix.cli.error_output import show
from kerasmatrix.cli.output import say
from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.files.remote import address_of, download

__all__ = ["with_downloads"]

Command = TypeVar("Command", bound=Callable[..., Any])


def with_downloads(*arguments: str) -> Callable[[Command], Command]:
    """Return a decorator that replaces addresses in these arguments by files.

    The files are removed at the end of the command. Of several files, one that cannot be downloaded
    does not stop the others; the exit code is that of its error.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def downloading(**values: Any) -> int:  # noqa: ANN401 - the options of any command
            paths = [path for name in arguments for path in _listed(values[name])]
            # Mostly there is none, and no folder is made.
            if not any(map(address_of, paths)):
                return int(command(**values))
            with tempfile.TemporaryDirectory(prefix="kerasmatrix-") as folder:
                code = 0
                for name in arguments:
                    if isinstance(values[name], tuple):
                        values[name], code = _replaced(values[name], Path(folder))
                        if not values[name]:
                            return code
                    elif values[name] is not None:
                        values[name] = _local(values[name], Path(folder))
                return int(command(**values)) or code

        return downloading  # type: ignore[return-value]

    return decorate


def _listed(value: tuple[Path, ...] | Path | None) -> tuple[Path, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def _replaced(paths: tuple[Path, ...], folder: Path) -> tuple[tuple[Path, ...], int]:
    """Return the paths with downloaded files, and the exit code of those that were not."""
    found, code = [], 0
    for path in paths:
        try:
            found.append(_local(path, folder))
        except KerasmatrixError as error:
            code = show(error)
    return tuple(found), code


def _local(path: Path, folder: Path) -> Path:
    address = address_of(path)
    if address is None:
        return path
    local = download(address, folder)
    say(f"Downloaded {address} to {local}", err=True)
    return local
