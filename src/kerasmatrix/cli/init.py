"""``kerasmatrix init``: create a project, or a workflow that checks files. Overwrites nothing."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.installed_from import Origin, installed_from
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import matrix_or_bundled
from kerasmatrix.errors import InfrastructureError, UsageError

__all__ = ["init"]

STARTER = Path(__file__).resolve().parent / "starter"
# Each file's path in the project and in the package, where git would obey a .gitignore.
FILES = {
    "matrix.yaml": "matrix.yaml",
    "noxfile.py": "noxfile.py",
    "scenarios/my_model/scenario.yaml": "my_model/scenario.yaml",
    "scenarios/my_model/save.py": "my_model/save.py",
    "scenarios/my_model/load.py": "my_model/load.py",
    ".gitignore": "gitignore",
    ".github/workflows/matrix.yml": "workflow.yml",
}
FILES_WORKFLOW = "files_workflow.yml"
WHEELS = Path(".github", "kerasmatrix")
# A placeholder in the starter's noxfile.py for what this package was installed from.
VERSION = '"kerasmatrix==0.0.0"'


@click.command(epilog=example("kerasmatrix init", "kerasmatrix init --files models/"))
@click.argument("folder", type=NamedPath(path_type=Path, file_okay=False), default=".")
@click.option(
    "--files",
    multiple=True,
    metavar="PATH",
    help="Write a workflow only, which checks these model files, or the files in these folders.",
)
@click.option(
    "--to",
    "target",
    metavar="VERSION",
    help="--files: the version to upgrade to.  [default: the newest]",
)
@click.option(
    "--custom-objects", "code", metavar="FILE", help="--files: the module with their classes."
)
def init(folder: Path, files: tuple[str, ...], target: str | None, code: str | None) -> int:
    """Write a small matrix, an example scenario, a noxfile and a workflow into FOLDER.

    Existing files are left as they are.
    """
    if (target or code) and not files:
        raise UsageError("--to and --custom-objects: belong to --files")
    origin = installed_from()
    requirement = _requirement(origin, folder)
    if files:
        return _init_files(folder, requirement, files, target, code)
    kept = []
    for name, source in FILES.items():
        text = (STARTER / source).read_text(encoding="utf-8")
        if not _write_new(folder / name, text.replace(VERSION, json.dumps(requirement))):
            kept.append(name)
    for name in kept:
        click.echo(f"kept {folder / name}: it exists")
    if ".gitignore" in kept:
        lines = (STARTER / FILES[".gitignore"]).read_text(encoding="utf-8").split()
        click.echo(f"  git should ignore: {' '.join(lines)}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    click.echo(f"Next: {there}nox -s matrix -- --group quick")
    return 0


def _init_files(
    folder: Path, requirement: str, files: tuple[str, ...], target: str | None, code: str | None
) -> int:
    """Write the workflow that checks files."""
    for path in files:
        if "\n" in path or Path(path).is_absolute():
            raise UsageError(
                f"{path}: is not a path in the repository", hint="name it relative to FOLDER"
            )
        if not (folder / path).exists():
            raise UsageError(f"{folder / path}: there is no such file or folder")
    matrix = load_matrix(matrix_or_bundled(None))
    newest = matrix.releases[-1].name
    arguments = [*files, "--to", target or newest, *(("--custom-objects", code) if code else ())]
    patterns = [f"{path}/**" if (folder / path).is_dir() else path for path in files]
    replaced = {
        "PATHS": ", ".join(json.dumps(pattern.replace("//", "/")) for pattern in patterns),
        "REQUIREMENT": shlex.quote(requirement),
        "ARGUMENTS": shlex.join(arguments),
    }
    text = (STARTER / FILES_WORKFLOW).read_text(encoding="utf-8")
    for word, value in replaced.items():
        text = text.replace(word, value)
    place = folder / ".github" / "workflows" / "model-files.yml"
    if not _write_new(place, text):
        click.echo(f"kept {place}: it exists")
    click.echo(f"Next: kerasmatrix check {shlex.join(arguments)}")
    return 0


def _requirement(origin: Origin, folder: Path) -> str:
    """Return what pip installs in a workflow; a wheel of this machine is copied into FOLDER."""
    if origin.trouble:
        click.echo(
            f"{origin.trouble}: the workflow installs {origin.requirement} from the package index",
            err=True,
        )
    if origin.wheel is None:
        return origin.requirement
    place = folder / WHEELS / origin.wheel.name
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copyfile(origin.wheel, place)
            click.echo(f"created {place}")
    except OSError as error:
        raise _unwritable(place, error) from error
    return f"./{WHEELS / origin.wheel.name}"


def _write_new(path: Path, text: str) -> bool:
    """Write a file, unless it exists.

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
        click.echo(f"created {path}")
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _unwritable(path: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{path}: cannot be written: {error.strerror}", hint="name another folder"
    )
