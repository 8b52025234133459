"""An environment of ``matrix.yaml``: a Python version and the packages that are locked for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kerasmatrix.config.backend import BACKENDS, KERAS_BACKEND, TENSORFLOW, BackendName
from kerasmatrix.config.export import ExportFormat
from kerasmatrix.ranges import Day
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.escape import brief
from kerasmatrix.versions import KERAS_3, is_legacy_keras, is_nightly, minor_of, version_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kerasmatrix.config.extends import InheritedSource

__all__ = ["Environment", "Name", "check_environments"]

# A name becomes part of file names, image tags and folder names, which have limits.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
Version = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)+(\.?(post|rc|a|b|dev)[0-9]+)?$", max_length=40),
]
PythonVersion = Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
VariableValue = Annotated[str, StringConstraints(max_length=32_768)]
Index = Annotated[str, StringConstraints(pattern=r"^(https?|file)://\S+$", max_length=2_000)]
# A requirement up to its version: `jax[cpu]>=0.7` asks for jax.
REQUIRED = re.compile(r"^[A-Za-z0-9._-]+")
NIGHTLY = "tf-nightly"


class Environment(StrictModel):
    """A Python version and the packages that are locked for it.

    ``as_of`` is the day of the package index for the lock: a release gets the dependencies of its
    time, not those of today. The distribution of a nightly build of TensorFlow is ``tf-nightly`` or
    ``tf-nightly-cpu``; that of Keras is always ``keras-nightly``. ``source_packages`` may be built
    from source, with ``build_packages`` and their dependencies only. ``index`` is a second package
    index, for wheels that the first one lacks. With another ``backend`` it is Keras 3 without
    TensorFlow, unless that is named, too.
    """

    name: str = ""
    python: PythonVersion
    backend: BackendName = TENSORFLOW
    tensorflow: Version | None = None
    keras: Version | None = None
    tf_keras: Version | None = None
    distribution: Literal["tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu"] = (
        "tensorflow-cpu"
    )
    as_of: Day
    index: Index | None = None
    also: tuple[str, ...] = ()
    source_packages: tuple[str, ...] = ()
    build_packages: tuple[str, ...] = ("setuptools", "wheel")
    variables: dict[Variable, VariableValue] = Field(default_factory=dict)
    export: ExportFormat | None = None

    @model_validator(mode="after")
    def _has_the_distribution_of_its_tensorflow(self) -> Self:
        nightly = self.distribution.startswith(NIGHTLY)
        if self.tensorflow and is_nightly(self.tensorflow) != nightly:
            raise ValueError(
                f"{self.distribution} has no version {self.tensorflow}: a nightly build "
                "(2.23.0.dev20261026) is in tf-nightly or tf-nightly-cpu, a release in "
                "tensorflow-cpu or tensorflow"
            )
        return self

    @property
    def requirements(self) -> tuple[str, ...]:
        """The required packages, as pip requirements. The lock adds their dependencies."""
        pinned = [f"{self.distribution}=={self.tensorflow}"] if self.tensorflow else []
        if self.keras:
            pinned.append(f"{self.keras_distribution}=={self.keras}")
        if self.tf_keras:
            pinned.append(f"tf_keras=={self.tf_keras}")
        named = {match[0] for text in self.also if (match := REQUIRED.match(text))}
        needed = [name for name in BACKENDS[self.backend].packages if name not in named]
        return (*pinned, *needed, *self.also)

    @property
    def keras_distribution(self) -> str:
        """The distribution of its Keras: nightly builds have one of their own."""
        return "keras-nightly" if is_nightly(self.keras or "0") else "keras"

    @property
    def is_release(self) -> bool:
        """Whether it loads models as a release of TensorFlow does.

        The others, which export them or have another backend, stand for no release: a file is not
        compared with what they compute, and no fix goes by way of them.
        """
        return self.export is None and self.backend == TENSORFLOW

    @property
    def legacy_keras(self) -> bool:
        """Whether its variables make ``tf.keras`` tf_keras, which is Keras 2."""
        return is_legacy_keras(self.variables)

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Sorts oldest first, and for one TensorFlow legacy Keras before Keras 3.

        Other backends come after all releases.
        """
        return (
            self.backend != TENSORFLOW,
            version_key(self.tensorflow or "0"),
            0 if self.legacy_keras else 1,
            version_key(self.keras or "0"),
            self.export or "",
            self.name,
        )


def check_environments(source: InheritedSource, environments: Mapping[str, Environment]) -> None:
    """Check that each environment has the Keras that its backend needs.

    Raises:
        UsageError: with the line.
    """
    for name, environment in environments.items():
        at = ("environments", name)
        if environment.name != name:
            raise source.error(
                (*at, "name"),
                f"an environment has its key as its name (got {brief(environment.name)})",
                hint="remove this line, or change the key",
            )
        if KERAS_BACKEND in environment.variables:
            raise source.error(
                (*at, "variables", KERAS_BACKEND),
                "is set by the key `backend`",
                hint=f"write `backend: {environment.variables[KERAS_BACKEND]}` instead",
            )
        if environment.backend == TENSORFLOW:
            if environment.tensorflow is None:
                raise source.error((*at, "tensorflow"), "is missing")
        elif minor_of(environment.keras or "0")[0] < KERAS_3 or environment.legacy_keras:
            raise source.error(
                (*at, "backend"),
                f"the backend {environment.backend} needs Keras 3",
                hint="name its release, as in `keras: 3.15.1`",
            )
