"""The type of arguments and options that name a file or a folder."""

from __future__ import annotations

import errno
import os
from typing import Any

import click

from kerasmatrix.text.escape import cut

__all__ = ["NamedPath"]

# Errors for names that no file system accepts, and for links that form a circle.
UNUSABLE = frozenset({errno.ENAMETOOLONG, errno.ELOOP})


class NamedPath(click.Path):
    """A path that the system accepts as a name, whether something is there or not."""

    def __init__(self, *, path_type: type, any_length: bool = False, **options: bool) -> None:
        """Describe what is accepted.

        Args:
            path_type: as of `click.Path`.
            any_length: accept what no file can be called: one of several names must not refuse
                the others.
            options: as of `click.Path`.
        """
        super().__init__(path_type=path_type, **options)
        self._unusable = frozenset() if any_length else UNUSABLE

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - click's
        """Return the path.

        Raises:
            click.BadParameter: it is too long, leads round in a circle, or holds a NUL.
        """
        try:
            os.stat(value)  # noqa: PTH116 - it may be text or bytes
        except ValueError as error:
            self.fail(f"{cut(str(value))!r}: {error}", param, ctx)
        except OSError as error:
            if error.errno in self._unusable:
                self.fail(f"{cut(str(value))!r}: {error.strerror}", param, ctx)
        return super().convert(value, param, ctx)
