"""``kerasmatrix paths``: how models get from one version to another. Reads a report; runs nothing.

Every path in the output was executed when the report was made: a plain load, a load with a verified
fix, or a chain of versions each of which loaded the file that the previous one had saved.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import beside_matrix_option, places
from kerasmatrix.cli.output import say
from kerasmatrix.errors import UsageError
from kerasmatrix.results.cells import FIXABLE, Status
from kerasmatrix.results.schema import CellResult
from kerasmatrix.store.runs import results_in

__all__ = ["paths"]


@click.command(epilog=example("kerasmatrix paths --from tf2.15 --to tf2.21"))
@click.option(
    "--from", "source", required=True, metavar="NAME", help="Version that saved the files."
)
@click.option("--to", "target", required=True, metavar="NAME", help="Version that loads them.")
@click.option("--format", "form", metavar="NAME", help="Only files of this format.")
@beside_matrix_option
@click.option(
    "--results",
    "path",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=lambda context, _, value: value or places(context).reports / "results.json",
    help="A results.json.  [default: reports/results.json next to the matrix]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def paths(source: str, target: str, form: str | None, path: Path, *, as_json: bool) -> int:
    """Print how each model gets from one version to another: as it is, or by a fix."""
    results = results_in(path)
    names = [environment.name for environment in results.environments]
    for name in (source, target):
        if name not in names:
            raise UsageError(f"{path}: has no environment {name!r}", hint=f"it has {_list(names)}")
    if form is not None and form not in results.formats:
        raise UsageError(f"{path}: has no format {form!r}", hint=f"it has {_list(results.formats)}")
    cells = [
        cell
        for cell in results.cells
        if (cell.saved_with, cell.loaded_with) == (source, target) and form in {None, cell.format}
    ]
    if as_json:
        click.echo(json.dumps({"paths": [_document(cell) for cell in cells]}, indent=1))
    else:
        say(_text(source, target, cells))
    return 0


def _text(source: str, target: str, cells: list[CellResult]) -> str:
    shown = [cell for cell in cells if cell.status not in {Status.UNSUPPORTED, Status.SAVE_FAILED}]
    width = max((len(_name(cell)) for cell in shown), default=0)
    counts = Counter(_kind(cell) for cell in shown)
    lines = [f"From {source} to {target}:"]
    lines += [f"  {counts[kind]:>4} {text}" for kind, text in KINDS.items() if counts[kind]]
    lines.append("")
    for cell in shown:
        first, *rest = _path(cell)
        lines.append(f"{_name(cell):<{width}}  {first}")
        lines += [f"{'':<{width}}    {line}" for line in rest]
    return "\n".join(lines)


# In the order in which a reader wants them: what works as it is comes first.
KINDS = {
    "plain": "load unchanged",
    "degraded": "load with losses",
    "repaired": "load with a verified fix",
    "bridged": "load via another version",
    "none": "fail; no fix found",
    "unknown": "not measured",
}


def _kind(cell: CellResult) -> str:
    if cell.status is Status.PASS:
        return "plain"
    if cell.status is Status.DEGRADED:
        return "degraded"
    if cell.status not in FIXABLE:
        return "unknown"
    remedy = cell.repaired_by
    if remedy is None:
        return "none"
    return "bridged" if remedy.hops else "repaired"


def _path(cell: CellResult) -> list[str]:
    """Return the lines that describe the path of a cell."""
    kind = _kind(cell)
    if kind in {"plain", "degraded"}:
        return [cell.summary]
    if kind == "unknown":
        return [f"{cell.status}: {cell.summary}"]
    failure = f"{cell.status} ({cell.cause or 'unclassified'})"
    fix = cell.repaired_by
    if fix is None:
        tried = _list([attempt.id for attempt in cell.remedies])
        return [
            f"{failure}; tried without success: {tried}" if tried else f"{failure}; no fix known"
        ]
    via = f": {' → '.join(fix.hops)}" if fix.hops else ""
    lost = [f"loses {'; '.join(fix.lost)}"] if fix.lost else []
    return [f"{failure}, fixed by {fix.id}{via}", *fix.did, *lost]


def _document(cell: CellResult) -> dict[str, object]:
    remedy = cell.repaired_by
    return {
        "scenario": cell.scenario,
        "format": cell.format,
        "status": cell.status.value,
        "cause": cell.cause,
        "path": _kind(cell),
        "remedy": dataclasses.asdict(remedy) if remedy else None,
    }


def _name(cell: CellResult) -> str:
    return f"{cell.scenario} · {cell.format}"


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
