"""What crosses the cluster: what a machine is asked to do, and what it says to that.

Everything here is pickled, so code sides must have the same kerasmatrix: a machine with another
harness has another label and gets no orders.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import kerasmatrix.engines
import kerasmatrix.harness
import kerasmatrix.harness.remedies
from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Hello, Task
from kerasmatrix.environments.locks import Lock
from kerasmatrix.filesystem.digests import digest_folder

__all__ = [
    "HOLDING_LABEL",
    "MEMORY_LABEL",
    "Ending",
    "Order",
    "Place",
    "harness_label",
    "holding_label",
]

# Resources of a Dask worker: what an order takes some of, and what it would like to find there.
MEMORY_LABEL = "kerasmatrix-memory-mb"
HOLDING_LABEL = "kerasmatrix-holds-"


@dataclass(frozen=True)
class Place:
    """An environment to be opened, with all that a machine needs to do so.

    ``scenarios`` is the digest of all scenarios of the run: what a worker sees never changes. But
    where tasks are ``apart``, each has a process of its own and sees what it needs.
    """

    environment: Environment
    lock: Lock
    limits: Limits
    scenarios: str
    apart: bool = False

    @property
    def key(self) -> str:
        """What an open worker must have been opened for to serve here."""
        parts = (
            self.environment.model_dump_json(),
            self.lock.digest,
            self.limits.model_dump_json(),
            self.scenarios,
            str(self.apart),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Order:
    """Tasks for one environment, to be done one after the other by one worker in it.

    Without tasks, the environment is only made and opened. ``engine`` names the plugin that it is
    for, and the topic of its messages; ``scenarios`` maps names to digests of parcels.
    """

    id: str
    engine: str
    place: Place
    tasks: tuple[Task, ...] = ()
    scenarios: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ending:
    """How an order ended; what its tasks came to was told before.

    ``done``: all of it. ``lost``: the worker died, for memory or not. ``unavailable``: the
    environment cannot be had there. ``missing``: a parcel that was to be there is not.
    ``trouble``: the machine could not go on.
    """

    how: Literal["done", "lost", "unavailable", "missing", "trouble"]
    where: str
    attempt: str
    answered: int = 0
    message: str = ""
    hint: str | None = None
    memory: bool = False
    digest: str = ""
    hello: Hello | None = None


def holding_label(holding: str) -> str:
    """Return the label of machines that have made an environment already."""
    return f"{HOLDING_LABEL}{holding}"


@cache
def harness_label() -> str:
    """Return the label of machines with this harness: what others measure is something else."""
    harness = Path(kerasmatrix.harness.__file__).parent
    repair = Path(kerasmatrix.harness.remedies.__file__).parent
    engines = Path(kerasmatrix.engines.__file__).parent
    code = "".join(digest_folder(folder) for folder in (harness, repair, engines))
    return f"kerasmatrix-harness-{hashlib.sha256(code.encode()).hexdigest()[:12]}"
