"""The command ``kerasmatrix``: one module per verb, and how errors are shown."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from typing import cast

import click

from kerasmatrix import __version__
from kerasmatrix.cli.error_output import show
from kerasmatrix.cli.interrupts import INTERRUPTED, heed_interrupts
from kerasmatrix.cli.streams import flush_output, lost_output
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError, as_machine_trouble
from kerasmatrix.text.redaction import mask_secrets

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


# Shown below `kerasmatrix --help`.
EXIT_CODES = """\b
Exit codes:
  0    done
  1    the gate failed, or the answer is no
  2    the command line, matrix.yaml, a scenario or a named file is wrong
  3    the machine could not do it: no engine, no environment, no space
  70   a bug of kerasmatrix; the message names a file with the details
  130  interrupted
"""


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
        command = cast("click.Command", getattr(module, name))
        _understand_debug(command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a verb; an exception of ours is not taken for something that click knows.

        Click takes an end of file for an interrupt, and a broken pipe for the terminal's.
        """
        try:
            return super().invoke(ctx)
        except (EOFError, OSError) as error:
            raise _Unforeseen from error


class _Unforeseen(Exception):
    """Carries an exception past click as its cause."""


def _debug_option(*, hidden: bool = False) -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        hidden=hidden,
        callback=_note_debug,
        help="Show the traceback of an error.",
    )


def _note_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001
    flags = ctx.find_root().obj
    if value and isinstance(flags, dict):
        flags["debug"] = True


def _understand_debug(command: click.Command) -> None:
    """Let ``--debug`` stand after a verb too; the help of the program lists it once."""
    if not any("--debug" in parameter.opts for parameter in command.params):
        command.params.append(_debug_option(hidden=True))
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _understand_debug(inner)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
    params=[_debug_option()],
)
@click.version_option(__version__, prog_name="kerasmatrix")
def commands() -> None:
    """Find out by experiment which saved Keras models load in which TensorFlow."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: see `EXIT_CODES`."""
    heed_interrupts()
    code = _invoke(arguments)
    flush_output()
    lost = lost_output()
    if lost:
        # The work is done, so that its own exit code counts for more.
        code = code or show(InfrastructureError(f"standard output cannot be written: {lost}"))
    sys.exit(code)


def _invoke(arguments: list[str] | None) -> int:
    flags: dict[str, bool] = {}
    try:
        code = commands.main(arguments, prog_name="kerasmatrix", standalone_mode=False, obj=flags)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(mask_secrets(shown.getvalue()), nl=False, err=True)  # it repeats what was typed
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("kerasmatrix: interrupted", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it ends in one line
        cause = error.__cause__ if isinstance(error, _Unforeseen) else None
        return _say(cause or error, debug="debug" in flags)
    return code if isinstance(code, int) else 0


def _is_folder_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _say(error: BaseException, *, debug: bool) -> int:
    """Print what went wrong in one line, with a hint; return the exit code."""
    if debug:
        import traceback  # noqa: PLC0415 - for this only

        click.echo("".join(traceback.format_exception(error)), nl=False, err=True)
    trouble = error if isinstance(error, KerasmatrixError) else as_machine_trouble(error)
    if isinstance(error, FileNotFoundError) and _is_folder_gone():
        trouble = UsageError("the current folder was removed", hint="change to another folder")
    if trouble:
        return show(trouble)
    from kerasmatrix.cli.crash_report import BUG, keep_details, summary_of  # noqa: PLC0415 - as above

    place = keep_details(error)
    details = f"details: {place}" if place else "add --debug for the details"
    click.echo(f"kerasmatrix: a bug of kerasmatrix: {summary_of(error)}; {details}", err=True)
    return BUG
