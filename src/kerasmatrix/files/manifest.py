"""What was done to make a file: the content of the manifest beside it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import RemedyInfo

__all__ = ["Action", "Maker", "Manifest", "Refusal", "StoredFile", "Tried", "Verified"]

Action = Literal["copied", "rewritten", "saved-again", "bridged"]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoredFile(_Value):
    """A file, or a folder; then the digest is over the names and contents of what is in it."""

    path: str
    format: str
    bytes: int
    sha256: str


class Maker(_Value):
    """An environment, with what identifies it."""

    environment: str
    python: str
    packages: Mapping[str, str] = Field(description="TensorFlow and Keras")
    lock: str = Field(description="SHA-256 of its lock")


class Verified(_Value):
    """What a plain load of the new file with the target was compared with, and how it went."""

    status: Status
    summary: str
    lost: tuple[str, ...]
    not_compared: tuple[str, ...] = Field(
        default=(), description="what the status does not speak of, each with the reason"
    )
    reference: Maker = Field(description="what computes the outputs that were compared with")
    weights_equal: bool | None
    max_abs_diff: float | None
    max_abs_reference: float | None


class Tried(_Value):
    """A way that was tried, and what came of it."""

    remedies: tuple[str, ...]
    hops: tuple[str, ...]
    format: str | None = Field(description="of the file; null where it was a program's remedy")
    status: Literal["verified", "rejected", "unverified", "failed"]
    summary: str


class Refusal(_Value):
    """Why no file can be made, and what can be done instead."""

    schema_version: Literal[1] = 1
    file: str
    status: Status = Field(description="of the file with the target, as it is")
    cause: str | None
    why: str
    tried: tuple[Tried, ...]
    instead: tuple[str, ...] = Field(default=(), description="formats in which a file can be made")
    code: tuple[RemedyInfo, ...] = Field(
        default=(), description="remedies that were seen to work in a program"
    )


class Manifest(_Value):
    """All about a file that `kerasmatrix convert` wrote.

    ``action``: ``copied`` (it loads as it is), ``rewritten`` (the file with another architecture,
    its weights and training state as they were), ``saved-again`` (by the target, once loaded with
    the remedies), ``bridged`` (saved by a version in between).
    """

    schema_version: Literal[1] = 1
    kerasmatrix: str = Field(description="its version")
    made: datetime.datetime
    action: Action
    source: StoredFile
    output: StoredFile
    target: Maker
    cause: str | None = Field(description="why the source does not load with the target")
    remedies: tuple[str, ...]
    hops: tuple[str, ...] = Field(description="the environments that loaded and saved, in order")
    did: tuple[str, ...] = Field(description="what was done, in order")
    verified: Verified
    tried: tuple[Tried, ...] = Field(description="everything that was tried, in order")
