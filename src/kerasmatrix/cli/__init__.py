"""The command ``kerasmatrix``: one module per verb, and how errors are shown."""

from __future__ import annotations

import gc
import signal
import sys

import click

from kerasmatrix import __version__
from kerasmatrix.cli.explain import explain
from kerasmatrix.cli.failures import show
from kerasmatrix.cli.images import images
from kerasmatrix.cli.init import init
from kerasmatrix.cli.lock import lock
from kerasmatrix.cli.merge import merge
from kerasmatrix.cli.paths import paths
from kerasmatrix.cli.run import run
from kerasmatrix.cli.schema import schema
from kerasmatrix.cli.versions import versions
from kerasmatrix.errors import KerasmatrixError

__all__ = ["commands", "main"]

INTERRUPTED = 130
COLLECT_AFTER = 200_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kerasmatrix")
def commands() -> None:
    """Find out by experiment which saved Keras models load in which TensorFlow."""


for verb in (init, run, merge, lock, versions, images, explain, paths, schema):
    commands.add_command(verb)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, 2 (usage), 3 (infrastructure)."""
    # A run holds what it knows of thousands of cells until its end: there is little to collect,
    # and looking for it again and again costs an eighth of a run with nothing to do.
    gc.set_threshold(COLLECT_AFTER, 50, 50)
    # A scheduler that ends a run gets what Ctrl-C gets: workers ended, reports of what is known.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
