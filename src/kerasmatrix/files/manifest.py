"""The manifest that is written next to a converted file: how it was made and verified."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from kerasmatrix.prediction.required_objects import RequiredObject
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import RemedyInfo
from kerasmatrix.strict_model import StrictModel

__all__ = [
    "Action",
    "ConversionAttempt",
    "ConversionFailure",
    "EnvironmentInfo",
    "Manifest",
    "StoredFile",
    "Verification",
]

Action = Literal["copied", "rewritten", "saved-again", "bridged"]


class StoredFile(StrictModel):
    """A file, or a folder: then the digest is over the names and contents of its files."""

    path: str
    format: str
    bytes: int
    sha256: str


class EnvironmentInfo(StrictModel):
    """An environment: its name, Python, packages and lock."""

    environment: str
    python: str
    packages: Mapping[str, str] = Field(description="TensorFlow and Keras")
    lock: str = Field(description="SHA-256 of its lock")


class Verification(StrictModel):
    """The result of a plain load of the new file with the target."""

    status: Status
    summary: str
    lost: tuple[str, ...]
    not_compared: tuple[str, ...] = Field(
        default=(), description="what the status does not cover, each with the reason"
    )
    reference: EnvironmentInfo = Field(description="computed the outputs to compare with")
    weights_equal: bool | None
    max_abs_diff: float | None
    max_abs_reference: float | None


class ConversionAttempt(StrictModel):
    """A fix attempt in a program or in a file, and its result."""

    remedies: tuple[str, ...]
    hops: tuple[str, ...]
    format: str | None = Field(description="of the file; null for a fix in a program")
    status: Literal["verified", "rejected", "unverified", "failed"]
    summary: str


class ConversionFailure(StrictModel):
    """Why no file can be made, and the alternatives."""

    schema_version: Literal[1] = 1
    file: str
    status: Status = Field(description="of the file with the target, as it is")
    cause: str | None
    why: str
    tried: tuple[ConversionAttempt, ...]
    instead: tuple[str, ...] = Field(default=(), description="formats in which a file can be made")
    code: tuple[RemedyInfo, ...] = Field(default=(), description="verified fixes in a program")


class Manifest(StrictModel):
    """Describes a file that `kerasmatrix convert` wrote.

    ``action``: ``copied`` (the source loads as it is), ``rewritten`` (with another architecture;
    weights and training state unchanged), ``saved-again`` (by the target, loaded with the fixes),
    ``bridged`` (saved by an intermediate version).
    """

    schema_version: Literal[1] = 1
    kerasmatrix: str = Field(description="its version")
    made: datetime.datetime
    action: Action
    source: StoredFile
    output: StoredFile
    target: EnvironmentInfo
    cause: str | None = Field(description="why the source does not load with the target")
    remedies: tuple[str, ...]
    hops: tuple[str, ...] = Field(description="the environments that loaded and saved, in order")
    did: tuple[str, ...] = Field(description="the actions, in order")
    verified: Verification
    custom_objects: tuple[RequiredObject, ...] = Field(
        default=(), description="what a program must still bring to load the new file"
    )
    modules: tuple[str, ...] = Field(
        default=(), description="files next to the new one, which a program imports before it"
    )
    tried: tuple[ConversionAttempt, ...] = Field(description="all attempts, in order")
