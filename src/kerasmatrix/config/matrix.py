"""``matrix.yaml`` as a typed model: environments, groups, scenarios, formats, limits.

All that can be checked without running anything is checked when it is read. Whether an environment
can be created is left to the engines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from kerasmatrix.config.expectation import SIDES, Expectation, PatternError, names_of
from kerasmatrix.config.export import Export, ExportFormat, check_exports, exporting
from kerasmatrix.config.extends import InheritedSource, read_chain
from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.filesystem.yaml_source import Location
from kerasmatrix.ranges import Day, Seconds
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.escape import brief, cut
from kerasmatrix.versions import is_legacy_keras, is_nightly, version_key

__all__ = [
    "PYTHON",
    "Environment",
    "Group",
    "Limits",
    "Matrix",
    "Selection",
    "load_matrix",
]

# A name becomes part of file names, image tags and folder names, which have limits.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
Version = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)+(\.?(post|rc|a|b|dev)[0-9]+)?$", max_length=40),
]
PythonVersion = Annotated[str, StringConstraints(pattern=r"^3\.[0-9]{1,2}$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
VariableValue = Annotated[str, StringConstraints(max_length=32_768)]
PYTHON = "{python}"
ALL: Literal["*"] = "*"
NIGHTLY = "tf-nightly"


class Environment(StrictModel):
    """A Python version and the packages that are locked for it.

    ``as_of`` is the day of the package index for the lock: a release gets the dependencies of its
    time, not those of today. The distribution of a nightly build of TensorFlow is ``tf-nightly`` or
    ``tf-nightly-cpu``; that of Keras is always ``keras-nightly``. ``source_packages`` may be built
    from source, with ``build_packages`` and their dependencies only.
    """

    name: str = ""
    python: PythonVersion
    tensorflow: Version
    keras: Version | None = None
    tf_keras: Version | None = None
    distribution: Literal["tensorflow", "tensorflow-cpu", "tf-nightly", "tf-nightly-cpu"] = (
        "tensorflow-cpu"
    )
    as_of: Day
    also: tuple[str, ...] = ()
    source_packages: tuple[str, ...] = ()
    build_packages: tuple[str, ...] = ("setuptools", "wheel")
    variables: dict[Variable, VariableValue] = Field(default_factory=dict)
    export: ExportFormat | None = None

    @model_validator(mode="after")
    def _has_the_distribution_of_its_tensorflow(self) -> Self:
        if is_nightly(self.tensorflow) != self.distribution.startswith(NIGHTLY):
            raise ValueError(
                f"{self.distribution} has no version {self.tensorflow}: a nightly build "
                "(2.23.0.dev20261026) is in tf-nightly or tf-nightly-cpu, a release in "
                "tensorflow-cpu or tensorflow"
            )
        return self

    @property
    def requirements(self) -> tuple[str, ...]:
        """The required packages, as pip requirements. The lock adds their dependencies."""
        pinned = [f"{self.distribution}=={self.tensorflow}"]
        if self.keras:
            pinned.append(f"{self.keras_distribution}=={self.keras}")
        if self.tf_keras:
            pinned.append(f"tf_keras=={self.tf_keras}")
        return (*pinned, *self.also)

    @property
    def keras_distribution(self) -> str:
        """The distribution of its Keras: nightly builds have one of their own."""
        return "keras-nightly" if is_nightly(self.keras or "0") else "keras"

    @property
    def legacy_keras(self) -> bool:
        """Whether its variables make ``tf.keras`` tf_keras, which is Keras 2."""
        return is_legacy_keras(self.variables)

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Sorts oldest first, and for one TensorFlow legacy Keras before Keras 3."""
        return (
            version_key(self.tensorflow),
            0 if self.legacy_keras else 1,
            version_key(self.keras or "0"),
            self.export or "",
            self.name,
        )


class Group(StrictModel):
    """A named part of the matrix. A missing list restricts nothing."""

    environments: tuple[str, ...] | Literal["*"]
    scenarios: tuple[str, ...] | Literal["*"] = ALL
    formats: tuple[str, ...] | Literal["*"] = ALL


class Limits(StrictModel):
    """The limits of a worker: seconds, and mebibytes of memory for one task."""

    open_seconds: Seconds = 180
    task_seconds: Seconds = 60
    # Measured (peak_memory_mb): a small model takes 140 MB in TensorFlow 2.4, 240 MB in 1.15.
    memory_mb: Annotated[int, Field(ge=256, le=1 << 24)] = 4096
    processes: Annotated[int, Field(ge=64, le=1 << 22)] = 1024


class Matrix(StrictModel):
    """All of ``matrix.yaml``, merged with the matrix that it ``extends``."""

    schema_version: Literal[1]
    extends: str | None = None
    platform: str = "x86_64-manylinux_2_28"
    base_image: str = "python:{python}-slim"
    environments: dict[Name, Environment] = Field(min_length=1)
    exports: dict[Name, Export] = Field(default_factory=dict)
    groups: dict[Name, Group]
    scenarios: tuple[str, ...] = Field(min_length=1)
    formats: tuple[str, ...] = Field(default=tuple(FORMATS), min_length=1)
    current: Name | None = None
    candidate: Name | None = None
    expectations: tuple[Expectation, ...] = ()
    tolerance: Tolerance = Tolerance()
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _name_environments(cls, data: Any) -> Any:  # noqa: ANN401 - raw YAML
        """Give every environment its key as its name."""
        if isinstance(data, dict) and isinstance(data.get("environments"), dict):
            named = {
                name: {"name": name, **spec} if isinstance(spec, dict) else spec
                for name, spec in data["environments"].items()
            }
            return {**data, "environments": named}
        return data

    @field_validator("base_image")
    @classmethod
    def _base_image_takes_a_python(cls, base_image: str) -> str:
        image = base_image.replace(PYTHON, "")
        if image == base_image:
            raise ValueError("base_image must contain {python}, as in 'python:{python}-slim'")
        if any(char in "{}" or char.isspace() for char in image):
            raise ValueError(
                "must be the name of an image, with {python} as its only placeholder, as in "
                "'python:{python}-slim'"
            )
        return base_image

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """All names by side of a cell; environments oldest first."""
        environments = tuple(env.name for env in self.sorted_environments())
        return {
            "scenario": self.scenarios,
            "format": self.formats,
            "saved_with": environments,
            "loaded_with": environments,
        }

    def sorted_environments(self) -> tuple[Environment, ...]:
        """All environments, oldest first."""
        return tuple(sorted(self.environments.values(), key=lambda env: env.sort_key))

    @property
    def exporting(self) -> tuple[Environment, ...]:
        """The environments of all exports, oldest first."""
        return exporting(self.exports, self.environments)

    def environment(self, name: str, option: str | None = None) -> Environment:
        """Return the environment of this name, which ``option`` may have asked for.

        Raises:
            UsageError: there is none.
        """
        if name not in self.environments:
            asked = f"{option}: " if option else ""
            raise UsageError(
                f"{asked}unknown environment {name!r}", hint=nearest(name, self.environments)
            )
        return self.environments[name]

    def select(
        self,
        *,
        group: str = "default",
        environments: Iterable[str] = (),
        scenarios: Iterable[str] = (),
        formats: Iterable[str] = (),
    ) -> Selection:
        """Return the selected part of the matrix; names take precedence over the group.

        A format that none of the environments writes is left out, unless it is named.

        Raises:
            UsageError: a name is unknown, or no environment writes a named format.
        """
        if group not in self.groups:
            raise UsageError(f"unknown group {group!r}", hint=nearest(group, self.groups))
        chosen = self.groups[group]
        # In the order of the matrix, so that the tables of two runs have the same order.
        names = _choose("environment", environments, chosen.environments, tuple(self.environments))
        chosen_environments = tuple(
            env for env in self.sorted_environments() if env.name in set(names)
        )
        asked = tuple(formats)
        return Selection(
            environments=chosen_environments,
            current=self.current if self.current in names else None,
            candidate=self.candidate if self.candidate in names else None,
            scenarios=_choose("scenario", scenarios, chosen.scenarios, self.scenarios),
            formats=tuple(
                form
                for form in _choose("format", asked, chosen.formats, self.formats)
                if _has_rows(form, chosen_environments, asked=form in asked)
            ),
        )

    def ungrouped(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return ``names``, with the name of a group replaced by its environments."""
        return tuple(
            environment
            for name in names
            for environment in (
                [env.name for env in self.select(group=name).environments]
                if name in self.groups
                else [name]
            )
        )


class Selection(StrictModel):
    """The environments, scenarios and formats of one run.

    ``current`` and ``candidate`` are the versions of the upgrade in question, if it has them.
    """

    environments: tuple[Environment, ...]
    scenarios: tuple[str, ...]
    formats: tuple[str, ...]
    current: str | None = None
    candidate: str | None = None


def load_matrix(path: Path) -> Matrix:
    """Read ``matrix.yaml``.

    Raises:
        UsageError: it is wrong somewhere; with file, line, key, value and the nearest valid name.
    """
    chain = read_chain(path)
    source = InheritedSource(chain)
    matrix = source.parse(Matrix)
    _check_environments(source, matrix)
    _check_names(source, ("formats",), matrix.formats, FORMATS)
    folders = [name for file in chain for name in _scenario_folders(file.path.parent / "scenarios")]
    _check_names(source, ("scenarios",), matrix.scenarios, folders)
    _check_upgrade(source, matrix)
    matrix = matrix.model_copy(update={"expectations": _placed_expectations(source, matrix)})
    # Last: its message about a name is clear only once the names themselves are right.
    _check_groups(source, matrix)
    return matrix


def _check_environments(source: InheritedSource, matrix: Matrix) -> None:
    for name, environment in matrix.environments.items():
        if environment.name != name:
            raise source.error(
                ("environments", name, "name"),
                f"an environment has its key as its name (got {brief(environment.name)})",
                hint="remove this line, or change the key",
            )
    check_exports(source, matrix.exports, matrix.environments)


def _check_groups(source: InheritedSource, matrix: Matrix) -> None:
    if "default" not in matrix.groups:
        raise source.error(("groups",), "the group 'default' is missing")
    valid = {
        "environments": tuple(matrix.environments),
        "scenarios": matrix.scenarios,
        "formats": matrix.formats,
    }
    for group_name, group in matrix.groups.items():
        for kind, known in valid.items():
            names, location = getattr(group, kind), ("groups", group_name, kind)
            if not names:
                hint = f"name some, or write {ALL!r} for all"
                raise source.error(location, "names none", hint=hint)
            if names != ALL:
                _check_names(source, location, names, known)


def _check_names(
    source: InheritedSource, location: Location, names: Sequence[str], known: Iterable[str]
) -> None:
    """Refuse a list with a name that is unknown, or listed twice."""
    kind = str(location[-1]).removesuffix("s")
    known = tuple(known)
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            _, line, _ = source.place((*location, first[name]))
            message = f"{name!r} is listed twice (first on line {line})"
            raise source.error((*location, index), message, hint="remove one of them")
        first[name] = index
        if name in known:
            continue
        message = f"unknown {kind} {brief(name)}"
        if location == ("scenarios",):
            message += f": there is no folder scenarios/{cut(name)}"
        raise source.error((*location, index), message, hint=nearest(name, known))


def _placed_expectations(source: InheritedSource, matrix: Matrix) -> tuple[Expectation, ...]:
    """Return the expectations with their lines, after checking patterns and causes."""
    known = matrix.names
    causes = {cause.slug for cause in the_catalogue().causes} if matrix.expectations else set()
    placed = []
    for index, expectation in enumerate(matrix.expectations):
        at = ("expectations", index)
        # A pattern that matches nothing is a typing error, or is about an environment that was
        # removed.
        for side in SIDES:
            try:
                ordered = side.endswith("with")
                names_of(getattr(expectation, side), known[side], ordered=ordered)
            except PatternError as error:
                raise source.error((*at, side), str(error), hint=error.hint) from None
        if expectation.cause is not None and expectation.cause not in causes:
            hint = nearest(expectation.cause, causes)
            raise source.error((*at, "cause"), f"unknown cause {expectation.cause!r}", hint=hint)
        if expectation.where:
            raise source.error((*at, "where"), "unknown key")
        path, line, _ = source.place(at)
        placed.append(expectation.model_copy(update={"where": f"{path.name}:{line}"}))
    return tuple(placed)


def _check_upgrade(source: InheritedSource, matrix: Matrix) -> None:
    for key in ("current", "candidate"):
        name = getattr(matrix, key)
        if name is not None and name not in matrix.environments:
            hint = nearest(name, matrix.environments)
            raise source.error((key,), f"unknown environment {name!r}", hint=hint)


def _scenario_folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if (entry / "scenario.yaml").is_file())


def _has_rows(form: str, environments: Iterable[Environment], *, asked: bool) -> bool:
    """Return whether any of the environments writes a format.

    Raises:
        UsageError: none does, and the format was ``asked`` for.
    """
    facts = FORMATS[form]
    if any(facts.has_rows(environment.tensorflow) for environment in environments):
        return True
    if asked:
        first = ".".join(map(str, facts.since))
        raise UsageError(
            f"--formats: no selected environment writes the format {form!r}",
            hint=f"select one with TensorFlow {first}; "
            f"later releases write the same file as {facts.later!r}",
        )
    return False


def _choose(
    kind: str,
    asked: Iterable[str],
    default: tuple[str, ...] | Literal["*"],
    known: tuple[str, ...],
) -> tuple[str, ...]:
    asked = tuple(asked)
    for name in asked:
        if name not in known:
            raise UsageError(f"unknown {kind} {name!r}", hint=nearest(name, known))
    wanted = asked or (known if default == ALL else default)
    return tuple(name for name in known if name in set(wanted))
