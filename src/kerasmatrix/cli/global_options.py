"""Options of the program that may also stand after a command: ``--verbose`` and ``--debug``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

import click

from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.text.redaction import mask_secrets

__all__ = ["accept_global_options", "global_options", "is_debug", "new_flags", "start_logging"]

PACKAGE = "kerasmatrix"
Flags = MutableMapping[str, Any]


def new_flags() -> Flags:
    """Return the flags of one invocation, to be passed to click as its ``obj``."""
    return {"debug": False, "verbose": False}


def is_debug(flags: Flags) -> bool:
    """Whether tracebacks are to be shown."""
    return bool(flags["debug"])


def global_options(*, hidden: bool = False) -> Iterator[click.Option]:
    """Yield the options; ``hidden`` ones work, but help does not list them."""
    helps = {
        ("-v", "--verbose"): "Log every task, with the time.",
        ("--debug",): "Log details too, and show the traceback of an error.",
    }
    for names, text in helps.items():
        yield click.Option(
            names,
            is_flag=True,
            expose_value=False,
            is_eager=True,
            hidden=hidden,
            callback=_set_flag,
            help=text,
        )


def accept_global_options(command: click.Command) -> None:
    """Accept the options after ``command`` too; only the help of the program lists them."""
    taken = {name for parameter in command.params for name in parameter.opts}
    for option in global_options(hidden=True):
        if taken.isdisjoint(option.opts):
            command.params.append(option)
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            accept_global_options(subcommand)


def _set_flag(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
    flags = context.find_root().obj
    if value and parameter.name and isinstance(flags, dict):
        flags[parameter.name] = True
        start_logging(logging.DEBUG if flags["debug"] else logging.INFO)


def start_logging(level: int = logging.WARNING) -> None:
    """Log the package's messages of at least ``level`` to standard error.

    Libraries keep their own loggers: the messages of urllib3 or docker would hide these.
    """
    logger = logging.getLogger(PACKAGE)
    for handler in list(logger.handlers):
        if isinstance(handler, _Stderr):
            logger.removeHandler(handler)
    handler = _Stderr(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


class _Stderr(logging.StreamHandler[Any]):
    """The handler of this module, as opposed to those of a program that imports the package."""


class _Formatter(logging.Formatter):
    """Formats for a terminal: messages may hold text of model files, and secrets in URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message with control characters escaped and secrets masked."""
        return escape_control_characters(mask_secrets(super().format(record)))
