"""A scenario: a folder with ``save.py``, ``load.py`` and ``scenario.yaml``.

``scenario.yaml`` describes the scenario, and the results that published claims predict. The scripts
run in environments only, never here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal, NoReturn

from pydantic import Field, StringConstraints, field_validator

from kerasmatrix.config.script import Script, read_script
from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.digests import digest_files
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.ranges import Seconds
from kerasmatrix.results.cells import Status
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["Claim", "Scenario", "digest_scenario", "load_scenario", "not_measured"]

PROSE = frozenset({"scenario.yaml", "README.md"})
BYTECODE = "__pycache__"
GIVEN = "given"  # the folder of a model that was saved elsewhere; it contains no script

Relation = Literal["any", "same", "different", "newer-reader", "older-reader"]


class Claim(StrictModel):
    """A statement about cells that a run can confirm or contradict.

    ``says`` is the statement in our words. For cells in ``formats`` whose environments are in
    ``relation``, it predicts a status in ``status`` and, if set, an error that matches ``error`` (a
    regular expression, searched in the whole exception chain). ``among`` restricts it to cells with
    these statuses. With ``names_layers`` it predicts that creating the layers one by one finds the
    failing layer, in cells where that was tried.
    """

    says: str
    formats: tuple[str, ...] = tuple(FORMATS)
    relation: Relation = "any"
    status: tuple[Status, ...] = Field(min_length=1)
    error: str | None = None
    among: tuple[Status, ...] = ()
    names_layers: bool = False

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in formats if name not in FORMATS]
        if unknown:
            raise ValueError(f"unknown format {unknown[0]!r}; known: {', '.join(FORMATS)}")
        return formats

    @field_validator("error")
    @classmethod
    def _valid_pattern(cls, error: str | None) -> str | None:
        compile_pattern(error or "")
        return error


class Scenario(StrictModel):
    """The content of ``scenario.yaml``, its folder, and the digest of all files of the scenario.

    ``reports`` are public reports of the problem that the scenario shows. If ``given``, it does not
    save a model, but loads a file that was saved elsewhere: ``trained`` is true if that file has
    the state of an optimizer, even if the reference environment did not load it, and ``holds_code``
    if loading may run code in the file. ``save_script`` and ``load_script`` are read from the
    folder.
    """

    name: str
    title: str
    shows: str
    save_requires: tuple[str, ...] = ()
    load_requires: tuple[str, ...] = ()
    formats: tuple[str, ...] = tuple(FORMATS)
    tolerance: Tolerance | None = None
    timeout_seconds: Seconds | None = None
    claims: tuple[Claim, ...] = ()
    reports: tuple[Annotated[str, StringConstraints(pattern=r"^https?://\S+$")], ...] = ()
    given: bool = False
    trained: bool = False
    holds_code: bool = False
    save_script: Script = Script()
    load_script: Script = Script()
    digest: str = ""
    folder: Path = Path()

    def scripts(self, side: Literal["save", "load"], form: str) -> dict[str, Script]:
        """Return the scripts that run when a model is saved or loaded in a format, by file name."""
        saving, loading = {"save.py": self.save_script}, {"load.py": self.load_script}
        if side == "save":
            return saving
        # Weights are loaded into a model that one of the two builds.
        builds = form != "weights" or self.given or self.load_script.defines("build")
        return loading if builds else {**loading, **saving}


def load_scenario(folder: Path) -> Scenario:
    """Read the scenario in ``folder``.

    Raises:
        UsageError: a file is missing, or ``scenario.yaml`` is wrong (with the line).
    """
    for name in ("scenario.yaml", "save.py", "load.py"):
        if not (folder / name).is_file():
            raise UsageError(
                f"{folder}: a scenario needs a file {name}",
                hint="`kerasmatrix init` writes an example",
            )
    scripts = {
        "save_script": _read_script(folder / "save.py", "build"),
        "load_script": _read_script(folder / "load.py", "load"),
    }
    source = YamlSource(folder / "scenario.yaml")
    # The name is the folder's, so that copying a folder makes a valid scenario.
    if isinstance(source.data, dict):
        source.data = {"name": folder.name, **source.data}
    scenario = source.parse(Scenario)
    if scenario.name != folder.name:
        raise source.error(("name",), f"must be the folder's name, {folder.name!r}")
    for index, name in enumerate(scenario.formats):
        if name not in FORMATS:
            raise source.error(("formats", index), f"unknown format {name!r}")
    try:
        digest = digest_scenario(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None
    return scenario.model_copy(update={**scripts, "digest": digest, "folder": folder})


def _read_script(path: Path, function: str) -> Script:
    """Read a script, which must define a function."""
    try:
        script = read_script(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    if not script.defines(function):
        raise UsageError(
            f"{path}: defines no function {function}",
            hint=f"define {function}; `kerasmatrix init` writes an example",
        )
    return script


def _unreadable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{error.filename or folder}: cannot be read: {error.strerror}",
        hint="every file of a scenario is part of it: make it readable, or move it elsewhere",
    )


def digest_scenario(folder: Path) -> str:
    """Return the digest of all files of a scenario but those that `not_measured` names.

    Raises:
        OSError: a file cannot be read.
    """
    return digest_files(folder, _measured_files(folder))


def not_measured(folder: Path) -> Callable[[str, list[str]], set[str]]:
    """Return a filter for `shutil.copytree`: the names in ``folder`` that workers do not get.

    These files may change without a new measurement: the scenario's own ``scenario.yaml`` and
    ``README.md``, and the bytecode of its scripts. Files with these names in a folder of the
    scenario, or in a given model, are data.
    """

    def names(parent: str, entries: list[str]) -> set[str]:
        if Path(parent) == folder:
            return {*PROSE, BYTECODE}.intersection(entries)
        is_given = Path(parent).relative_to(folder).parts[0] == GIVEN
        return set() if is_given else {BYTECODE}.intersection(entries)

    return names


def _measured_files(folder: Path) -> Iterator[bytes]:
    """Yield the path of each file that workers get, relative to ``folder``.

    Links are followed, as in the copy that workers get.
    """
    left_out = not_measured(folder)
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        # Bytecode depends on the Python that ran a script, so it is left out of the digest.
        ignored = left_out(parent, [*folders, *files])
        folders[:] = [name for name in folders if name not in ignored]
        for name in files:
            path = Path(parent, name)
            if name not in ignored and path.is_file():
                yield os.fsencode(path.relative_to(folder))


def _raise(error: OSError) -> NoReturn:
    raise error
