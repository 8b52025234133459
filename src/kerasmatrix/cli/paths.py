"""``kerasmatrix paths``: how models get from one version to another. Reads a report; runs nothing.

Every path it prints was walked when the report was made: a cell that passes, a remedy that was
seen to work in it, or a chain of versions each of which loaded what the one before had saved.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import beside_matrix_option, places
from kerasmatrix.cli.output import say
from kerasmatrix.errors import UsageError
from kerasmatrix.results.cells import REPAIRABLE
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import CellResult, RemedyResult
from kerasmatrix.store.runs import results_in

__all__ = ["paths"]


@click.command()
@click.option("--from", "source", required=True, metavar="NAME", help="The version that saved.")
@click.option("--to", "target", required=True, metavar="NAME", help="The version that is to load.")
@click.option("--format", "form", metavar="NAME", help="Only files of this format.")
@beside_matrix_option
@click.option(
    "--results",
    "path",
    type=NamedPath(path_type=Path, dir_okay=False),
    callback=lambda context, _, value: value or places(context).reports / "results.json",
    help="The measured matrix.  [default: reports/results.json beside the matrix]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def paths(source: str, target: str, form: str | None, path: Path, *, as_json: bool) -> int:
    """Print the upgrade paths that were found, each hop verified."""
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
        say(_prose(source, target, cells))
    return 0


def _prose(source: str, target: str, cells: list[CellResult]) -> str:
    found = [cell for cell in cells if cell.status not in {Status.UNSUPPORTED, Status.SAVE_FAILED}]
    width = max((len(_name(cell)) for cell in found), default=0)
    counts = Counter(_kind(cell) for cell in found)
    lines = [f"From {source} to {target}:"]
    for kind, said in KINDS.items():
        if counts[kind]:
            lines.append(f"  {counts[kind]:>4} {said}")
    lines.append("")
    for cell in found:
        first, *rest = _path(cell)
        lines.append(f"{_name(cell):<{width}}  {first}")
        lines += [f"{'':<{width}}    {line}" for line in rest]
    return "\n".join(lines)


KINDS = {
    "plain": "load as they are",
    "degraded": "load, with something lost",
    "repaired": "load with a remedy that was seen to work",
    "bridged": "load by way of another version",
    "none": "do not load: nothing that was tried works",
    "unknown": "were not measured",
}


def _kind(cell: CellResult) -> str:
    if cell.status is Status.PASS:
        return "plain"
    if cell.status is Status.DEGRADED:
        return "degraded"
    if cell.status not in REPAIRABLE:
        return "unknown"
    remedy = cell.repaired_by
    if remedy is None:
        return "none"
    return "bridged" if remedy.hops else "repaired"


def _path(cell: CellResult) -> list[str]:
    """Return the path of a cell in a few lines."""
    kind = _kind(cell)
    if kind in {"plain", "degraded"}:
        return [cell.summary]
    if kind == "unknown":
        return [f"{cell.status}: {cell.summary}"]
    remedy = cell.repaired_by
    why = f"{cell.status} ({cell.cause or 'unclassified'})"
    if remedy is None:
        tried = _list([attempt.id for attempt in cell.remedies])
        return [f"{why}; tried in vain: {tried}" if tried else f"{why}; nothing to try"]
    return [f"{why}, repaired by {remedy.id}{_by_way_of(remedy)}", *_losses(remedy)]


def _by_way_of(remedy: RemedyResult) -> str:
    return f": {' → '.join(remedy.hops)}" if remedy.hops else ""


def _losses(remedy: RemedyResult) -> list[str]:
    lost = [f"loses {'; '.join(remedy.lost)}"] if remedy.lost else []
    return [*remedy.did, *lost]


def _document(cell: CellResult) -> dict[str, object]:
    remedy = cell.repaired_by
    return {
        "scenario": cell.scenario,
        "format": cell.format,
        "status": cell.status.value,
        "cause": cell.cause,
        "path": _kind(cell),
        "remedy": remedy.model_dump(mode="json") if remedy else None,
    }


def _name(cell: CellResult) -> str:
    return f"{cell.scenario} · {cell.format}"


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names)
