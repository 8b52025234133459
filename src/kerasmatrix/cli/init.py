"""``kerasmatrix init``: begin a project in a repository of one's own. Overwrites nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from kerasmatrix import __version__
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.errors import InfrastructureError

__all__ = ["init"]

STARTER = Path(__file__).resolve().parent / "starter"
# Where each file goes, and what it is called in the package, in which a .gitignore would count.
FILES = {
    "matrix.yaml": "matrix.yaml",
    "noxfile.py": "noxfile.py",
    "scenarios/my_model/scenario.yaml": "my_model/scenario.yaml",
    "scenarios/my_model/save.py": "my_model/save.py",
    "scenarios/my_model/load.py": "my_model/load.py",
    ".gitignore": "gitignore",
    ".github/workflows/matrix.yml": "workflow.yml",
}
# Stands in the starter's noxfile.py for the version that a project begins with.
VERSION = "kerasmatrix==0.0.0"


@click.command()
@click.argument("folder", type=NamedPath(path_type=Path, file_okay=False), default=".")
def init(folder: Path) -> int:
    """Write a small matrix, an example scenario, a noxfile and a workflow into FOLDER.

    A file that is there already is left as it is.
    """
    kept = []
    for name, source in FILES.items():
        text = (STARTER / source).read_text(encoding="utf-8")
        if _write_new(folder / name, text.replace(VERSION, f"kerasmatrix=={__version__}")):
            click.echo(f"made {folder / name}")
        else:
            kept.append(name)
    for name in kept:
        click.echo(f"kept {folder / name}: it is there already")
    if ".gitignore" in kept:
        lines = (STARTER / FILES[".gitignore"]).read_text(encoding="utf-8").split()
        click.echo(f"  git should ignore: {' '.join(lines)}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"Next: {there}nox -s matrix -- --group quick")
    return 0


def _write_new(path: Path, text: str) -> bool:
    """Write a file, unless one of its name is there.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _unwritable(path: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{path}: cannot be written: {error.strerror}", hint="name another folder"
    )
