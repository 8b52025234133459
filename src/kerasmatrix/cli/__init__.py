"""The command ``kerasmatrix``: one module per verb, and how errors are shown."""

from __future__ import annotations

import importlib
import sys
from typing import cast

import click

from kerasmatrix import __version__
from kerasmatrix.cli.failures import show
from kerasmatrix.cli.interrupts import INTERRUPTED, heed_interrupts
from kerasmatrix.errors import KerasmatrixError

__all__ = ["commands", "main"]

# Each is a module of that name. What one verb needs (Docker, pandas) the others do not wait for.
VERBS = (
    "init",
    "run",
    "report",
    "history",
    "compare",
    "gate",
    "can-upgrade",
    "merge",
    "lock",
    "images",
    "store",
    "versions",
    "explain",
    "paths",
    "inspect",
    "predict",
    "check",
    "bisect",
    "convert",
    "schema",
)


class Verbs(click.Group):
    """Imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return all verbs, in the order in which they are of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return one verb."""
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"kerasmatrix.cli.{name}")
        return cast("click.Command", getattr(module, name))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kerasmatrix")
def commands() -> None:
    """Find out by experiment which saved Keras models load in which TensorFlow."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, 2 (usage), 3 (infrastructure)."""
    heed_interrupts()
    sys.exit(_invoke(arguments))


def _invoke(arguments: list[str] | None) -> int:
    try:
        code = commands.main(arguments, prog_name="kerasmatrix", standalone_mode=False)
    except KerasmatrixError as error:
        return show(error)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("kerasmatrix: interrupted", err=True)
        return INTERRUPTED
    return code if isinstance(code, int) else 0
