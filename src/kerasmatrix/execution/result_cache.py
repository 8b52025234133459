"""What the last run came to, kept beside the store with all that it depends on.

To judge thousands of cells anew takes longer than all else that a run with nothing to measure
does. What was found still holds if the same is asked for by the same code, if nothing was written
into the store since, and if the artifacts are as they were. Else it is judged anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.runner import Run
from kerasmatrix.filesystem.atomic import put
from kerasmatrix.filesystem.named_files import LARGEST_RESULTS, read_bytes
from kerasmatrix.prediction.cache import Notes
from kerasmatrix.results.schema import Results
from kerasmatrix.results.serialization import json_parts
from kerasmatrix.store.store import Store

__all__ = ["Recollection", "keep", "recall"]

LEVEL = 1  # quick; it is a tenth of the text as it is


class Recollection(NamedTuple):
    """The results of an earlier run, ``run`` included, and how many tasks they rest upon."""

    results: Results
    known: int


def recall(plan: Plan, store: Store) -> Recollection | None:
    """Return what a run of ``plan`` would find if it looked; None if that is not sure."""
    try:
        head, _, body = read_bytes(store.recollection, LARGEST_RESULTS).partition(b"\n")
        told = json.loads(head)
        if told["depends_on"] != _dependencies(plan, store):
            return None
        if not all(store.is_intact(artifact) for artifact in told["artifacts"]):
            return None
        results = Results.model_validate_json(zlib.decompress(body))
    except (OSError, ValueError, KeyError, TypeError, zlib.error, ValidationError):
        return None  # there is none, or it is damaged
    return Recollection(results, told["known"])


def keep(run: Run, store: Store, results: Results) -> None:
    """Keep the ``results`` of a run, unless it has left something to do."""
    if not run.settled:
        return
    told = {
        "depends_on": _dependencies(run.plan, store),
        "known": run.observed.count,
        "artifacts": sorted(run.observed.artifacts),
    }
    with contextlib.suppress(OSError):  # it is as good without, and slower
        put(store.recollection, _written(told, results))


def _written(told: object, results: Results) -> Iterator[bytes]:
    yield json.dumps(told).encode() + b"\n"
    packing = zlib.compressobj(LEVEL)
    for part in json_parts(results):
        yield packing.compress(part.encode("utf-8", "replace"))
    yield packing.flush()


def _dependencies(plan: Plan, store: Store) -> str:
    """Return the digest of all that results follow from, but for the artifacts."""
    total = hashlib.sha256(repr((store.state, Notes(store.folder).state)).encode())
    # A set is told in another order by every process.
    sets = [sorted(names) if names is not None else None for names in (plan.columns, plan.shard)]
    total.update(repr((dataclasses.replace(plan, columns=None, shard=None), sets)).encode())
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*")):
        if path.suffix != ".pyc" and path.is_file():
            total.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
