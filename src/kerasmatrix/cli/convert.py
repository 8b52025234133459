"""``kerasmatrix convert``: a model file made anew, so that a version loads it as it is."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, names_option, store_folder_option
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.session import measuring_options, set_up
from kerasmatrix.errors import UsageError
from kerasmatrix.files.check import taken_in_one
from kerasmatrix.files.conversion_plan import form_of_ending
from kerasmatrix.files.convert import Converted, Converter
from kerasmatrix.files.manifest import Manifest, Refusal
from kerasmatrix.files.model_input import Companions
from kerasmatrix.files.output import check_output, manifest_beside, write_file

__all__ = ["convert"]

IMPOSSIBLE = 1
ACTIONS = {
    "copied": "it loads as it is, and was copied",
    "rewritten": "its architecture was rewritten; the weights are as they were",
    "saved-again": "loaded and saved again",
    "bridged": "saved by a version in between",
}
NAMES = {"h5": "model.h5", "keras": "model.keras", "savedmodel": "model"}


@click.command()
@click.argument("file", type=NamedPath(path_type=Path))
@click.option(
    "--for", "target", required=True, metavar="NAME", help="The version that is to load it."
)
@click.option(
    "--output",
    required=True,
    type=NamedPath(path_type=Path),
    help="The file to write; its ending (.h5, .keras, none for a SavedModel) is its format.",
)
@click.option(
    "--manifest",
    type=NamedPath(path_type=Path),
    help="Where to say what was done.  [default: beside the output, .kerasmatrix.json]",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there; never the original.")
@names_option("--through", "environments, or groups of them, as versions in between")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest, or why there is none.")
@companions_options
@store_folder_option
@measuring_options
def convert(  # noqa: PLR0913 - one argument per option
    *,
    file: Path,
    target: str,
    output: Path,
    manifest: Path | None,
    overwrite: bool,
    through: tuple[str, ...],
    as_json: bool,
    code: Path | None,
    inputs: Path | None,
    matrix_file: Path,
    engine_name: str,
    jobs: int | None,
    trust: bool,
    fresh: bool,
    store_folder: Path,
) -> int:
    """Write FILE anew, so that a version loads it as it is and computes the same.

    What helps is found out as `check` does it, made into a file, and that file is loaded with the
    version and compared before it is written. Exit code 1 where no such file can be made.
    """
    form = form_of_ending(output.suffix)
    if form is None:
        raise UsageError(
            f"{output}: its ending stands for no format", hint="end it in .h5 or .keras"
        )
    if not file.exists():
        raise UsageError(f"{file}: there is no such file")
    if output.name in {"", ".."}:
        raise UsageError(
            f"{output}: is a folder, and not the name of a file",
            hint="name the file to write, such as model.h5 in it",
        )
    manifest = manifest or manifest_beside(output)
    check_output(file, output, manifest, overwrite=overwrite)
    with set_up(
        matrix_file, engine_name, store_folder, jobs=jobs, trust=trust, fresh=fresh
    ) as setup:
        wanted = setup.matrix.environment(target, "--for")
        between = setup.select(through or ("default",)).environments
        with taken_in_one(file, setup.store, Companions(code, inputs)) as given:
            converted = Converter(setup, given, wanted, between).make(form, str(output))
            if isinstance(converted, Converted):
                write_file(converted.made, converted.manifest, output, manifest)
            if given.has_changed:
                say(
                    f"kerasmatrix: {file}: has changed in the meantime; what was converted is the "
                    "file as it was",
                    err=True,
                )
    if isinstance(converted, Converted):
        told: Manifest | Refusal = converted.manifest
        said = _prose(converted.manifest, manifest)
    else:
        told, said = converted, _refusal(converted, target, form)
    if as_json:
        say_json(told)
    else:
        say(said)
    return 0 if isinstance(converted, Converted) else IMPOSSIBLE


def _prose(made: Manifest, beside: Path) -> str:
    lines = [f"{made.output.path}: {ACTIONS[made.action]}"]
    if made.remedies:
        lines[0] += f" ({' + '.join(made.remedies)})"
    lines[0] += "."
    lines += [f"  {step}" for step in made.did]
    verified = made.verified
    lines.append(
        f"  {made.target.environment} loads it: {verified.summary}; compared with what "
        f"{verified.reference.environment} computes."
    )
    return "\n".join([*lines, f"  What was done: {beside}"])


def _refusal(refusal: Refusal, target: str, form: str) -> str:
    lines = [f"{refusal.file}: no {form} file can be made that {target} loads: {refusal.why}."]
    lines += [
        f"  tried {' + '.join(each.remedies) or 'saving it again'}"
        f"{f' as {each.format}' if each.format else ''}: {each.status}: {each.summary}"
        for each in refusal.tried
    ]
    if refusal.instead:
        names = " or ".join(NAMES[other] for other in refusal.instead)
        lines.append(f"  As another format it can be: --output {names}")
    for remedy in refusal.code:
        lines.append(f"  What helps in a program: {remedy.title}")
        lines += [f"      {line}" for line in remedy.code.splitlines()]
    return "\n".join(lines)
