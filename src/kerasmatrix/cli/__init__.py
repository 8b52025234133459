"""The command ``kerasmatrix``: loads the module of a command and prints errors."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from typing import cast

import click

from kerasmatrix import __version__
from kerasmatrix.cli.error_output import show as show_error
from kerasmatrix.cli.exit_codes import EXIT_CODES, INTERNAL_ERROR, INTERRUPTED
from kerasmatrix.cli.global_options import (
    accept_global_options,
    global_options,
    is_debug,
    new_flags,
    start_logging,
)
from kerasmatrix.cli.interrupts import handle_interrupts
from kerasmatrix.cli.streams import flush_output, output_error
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError, as_machine_trouble
from kerasmatrix.text.redaction import mask_secrets

__all__ = ["commands", "main"]

# The commands by group, in the order of the help. Each has a module of its name, imported on use:
# most need neither Docker nor pandas. The texts are at most 62 characters: click cuts longer ones.
GROUPS = {
    "Your files": {
        "inspect": "Describe a model file without loading it.",
        "predict": "Predict which versions load a file, without loading it.",
        "check": "Load files in other versions, and write fixed files.",
        "convert": "Write a file that another version loads.",
        "bisect": "Find the release in which a file breaks.",
        "diff": "Compare two model files.",
        "reproduce": "Find the smallest model that fails as a file does.",
        "explain": "Explain an error message of Keras.",
        "layer": "Print which releases write and read a class of Keras.",
    },
    "The matrix": {
        "run": "Save and load the test models in every version.",
        "show": "Open the last report.",
        "report": "Write a stored run in another format.",
        "history": "List the stored runs.",
        "compare": "Print how the results of two runs differ.",
        "gate": "Fail if a run is worse than a baseline.",
        "can-upgrade": "Answer whether files of one version load in another.",
        "paths": "Print how each model gets from one version to another.",
        "merge": "Merge the shards of a run.",
        "early-warning": "Measure pre-releases and nightly builds.",
        "golden": "Write small files of every release, with a test of Keras.",
    },
    "Setting up": {
        "init": "Create matrix.yaml, an example model, a noxfile, a workflow.",
        "versions": "Find newer releases of TensorFlow and Keras.",
        "lock": "Resolve the packages of environments.",
        "images": "Create Docker images or virtual environments.",
        "store": "Check or prune the stored measurements.",
        "schema": "Print the JSON Schema of results.json.",
    },
}
COMMANDS = [name for group in GROUPS.values() for name in group]


class LazyGroup(click.Group):
    """Imports the module of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the names of all commands in the order of the help."""
        return COMMANDS

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the groups; their texts need no import of the commands' modules."""
        width = max(map(len, COMMANDS))
        for title, group in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in group.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"kerasmatrix.cli.{name}")
        command = cast("click.Command", getattr(module, name))
        accept_global_options(command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, and protect its exceptions from click.

        Click would report an `EOFError` as an interrupt, and swallow a broken pipe.
        """
        try:
            return super().invoke(ctx)
        except (EOFError, OSError) as error:
            raise _CarriedError from error


class _CarriedError(Exception):
    """Carries an exception past click, as its cause."""


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
    params=[*global_options()],
)
@click.version_option(__version__, prog_name="kerasmatrix")
def commands() -> None:
    """Test whether saved Keras models load after a TensorFlow upgrade, and fix those that do not.

    Start with `kerasmatrix predict FILE` (seconds, nothing to install), then `check FILE`.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code: see `EXIT_CODES`."""
    # First, so that Ctrl-C during the imports of a command ends it without a traceback.
    handle_interrupts()
    start_logging()
    code = _invoke(arguments)
    flush_output()
    lost = output_error()
    if lost:
        # The work is done, so its own exit code has precedence.
        code = code or show_error(InfrastructureError(f"standard output cannot be written: {lost}"))
    sys.exit(code)


def _invoke(arguments: list[str] | None) -> int:
    flags = new_flags()
    try:
        code = commands.main(arguments, prog_name="kerasmatrix", standalone_mode=False, obj=flags)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(mask_secrets(shown.getvalue()), nl=False, err=True)  # it repeats the arguments
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("kerasmatrix: interrupted", err=True)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - every exception ends as one line
        cause = error.__cause__ if isinstance(error, _CarriedError) else None
        return _report_error(cause or error, debug=is_debug(flags))
    return code if isinstance(code, int) else 0


def _is_folder_gone() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _report_error(error: BaseException, *, debug: bool) -> int:
    """Print an error in one line, with a hint; return the exit code."""
    if debug:
        import traceback  # noqa: PLC0415 - rarely needed

        click.echo("".join(traceback.format_exception(error)), nl=False, err=True)
    known = error if isinstance(error, KerasmatrixError) else as_machine_trouble(error)
    if isinstance(error, FileNotFoundError) and _is_folder_gone():
        known = UsageError("the current folder was removed", hint="change to another folder")
    if known:
        return show_error(known)
    from kerasmatrix.cli.crash_report import summarize, write_details  # noqa: PLC0415 - rarely

    place = write_details(error)
    details = f"details: {place}" if place else "add --debug for the details"
    click.echo(
        f"kerasmatrix: internal error, please report it: {summarize(error)}; {details}", err=True
    )
    return INTERNAL_ERROR
