"""The verbs for a program: notebooks, test suites, pipelines.

The same as on the command line, with values instead of text: tables are pandas frames, everything
else is a typed value. What goes wrong raises a `KerasmatrixError`, whose message names the file and
whose ``hint`` is the way out; a model that does not load is an answer, not an error.

``matrix`` is the path of a ``matrix.yaml``; by default the one in the current folder, else the one
that comes with the package. ``store`` is the folder where what is known is kept, by default beside
that matrix, and in the user's cache for the package's own. ``engine`` is ``"auto"``, ``"docker"``,
``"local"``, or an engine. A model file can hold code, which runs when it is loaded: an engine that
is no sandbox wants ``trust=True``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import default_cache, matrix_or_bundled, places_of
from kerasmatrix.config.project import Project
from kerasmatrix.diagnosis.catalogue import Cause
from kerasmatrix.diagnosis.explain import explain_text
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.bisect_result import Bisection, Look
from kerasmatrix.files.check import check as check_files
from kerasmatrix.files.check import taken_in, taken_in_one
from kerasmatrix.files.conversion_plan import form_of_ending
from kerasmatrix.files.convert import Converted, Converter
from kerasmatrix.files.manifest import Manifest, Refusal
from kerasmatrix.files.model_input import Companions, find_models
from kerasmatrix.files.output import check_output, manifest_beside, write_file
from kerasmatrix.files.session import Setup, open_setup
from kerasmatrix.inspection.inspect import inspect as look_into
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.prediction.cache import Notes
from kerasmatrix.prediction.custom_objects import names_brought
from kerasmatrix.prediction.predict import predict as foretell
from kerasmatrix.prediction.target import target_of
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import Archive, find_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CannotConvert",
    "Checked",
    "bisect",
    "check",
    "convert",
    "explain",
    "frame",
    "inspect",
    "load_results",
    "predict",
]

PathLike = str | os.PathLike[str]
EVERYTHING = "all"
DEFAULT = "default"


class CannotConvert(KerasmatrixError):
    """No file can be made that the version loads; ``refusal`` says what was tried, what helps."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.file}: {refusal.why}")
        self.refusal = refusal


@dataclass(frozen=True)
class Checked:
    """What became of files.

    ``results`` is everything, as in ``results.json``; ``refused`` says of each path that is no
    model what it is instead.
    """

    results: Results
    refused: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each file and environment.

        Columns: ``file``, ``environment``, ``status``, ``summary``, ``cause``, ``remedy`` (the
        first that was seen to work), ``lost`` (what did not come back), ``max_abs_diff`` (of the
        outputs), ``reference`` (the environment that was compared with).
        """
        import pandas as pd  # noqa: PLC0415 - importing this module is to stay cheap

        files = {told.name: told.file for told in self.results.scenarios}
        rows = [
            (
                files[cell.scenario],
                cell.loaded_with,
                cell.status.value,
                cell.summary,
                cell.cause,
                cell.repaired_by.id if cell.repaired_by else None,
                "; ".join(cell.lost),
                cell.max_abs_diff,
                cell.saved_with,
            )
            for cell in self.results.asked_for
        ]
        columns = ["file", "environment", "status", "summary", "cause", "remedy", "lost",
                   "max_abs_diff", "reference"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def write(self, folder: PathLike) -> Path:
        """Write the page, ``results.json`` and ``results.csv``; return the page's path.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        from kerasmatrix.report.write import write_reports  # noqa: PLC0415 - it imports pandas

        return write_reports(self.results, Path(folder))


def inspect(path: PathLike, *, digest: bool = False) -> ModelFile:
    """Return what a model file is and holds. It is read without TensorFlow, and never run.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also read all weights and make a digest of them.

    Raises:
        UsageError: it is no model, or damaged; the message says what it is.
    """
    return look_into(Path(path), digest=digest)


def predict(
    files: PathLike | Sequence[PathLike],
    *,
    environments: Sequence[str] = (),
    custom_objects: PathLike | None = None,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> pd.DataFrame:
    """Return what is likely to become of files in environments. Nothing is loaded.

    Args:
        files: files, or folders with models in them.
        environments: names of environments or of groups; by default all.
        custom_objects: a module with the models' own classes. It is read, not run.
        matrix: see the module.
        store: earlier runs, which are evidence.

    Returns:
        One row for each file and environment. Columns: ``file``, ``environment``, ``status``,
        ``cause``, ``remedy``, ``rule``, ``confidence``, ``because``.

    Raises:
        UsageError: a file is no model, or there is no such environment.
    """
    import pandas as pd  # noqa: PLC0415 - importing this module is to stay cheap

    place = _matrix_file(matrix)
    project, loaded = Project(place), load_matrix(place)
    names = tuple(environments) or ((EVERYTHING,) if EVERYTHING in loaded.groups else ())
    wanted = loaded.ungrouped(names) or tuple(loaded.environments)
    targets = [
        target_of(env, read_lock(project.locks_with(env.name), env))
        for env in loaded.select(environments=wanted).environments
    ]
    brought = names_brought(Path(custom_objects)) if custom_objects else frozenset()
    notes = Notes(_store(matrix, store))
    found = find_models(_paths(files))
    for error in found.refused.values():
        raise error
    rows = [
        {"file": str(path), **each.model_dump()}
        for path in found.paths
        for each in foretell(path, targets, brought, notes)
    ]
    return pd.DataFrame(rows)


def check(  # noqa: PLR0913 - one argument per option
    files: PathLike | Sequence[PathLike],
    *,
    environments: Sequence[str] = (DEFAULT,),
    custom_objects: PathLike | None = None,
    inputs: PathLike | None = None,
    reference: str | None = None,
    remedies: Remedies = "first",
    engine: str | Engine = "auto",
    trust: bool = False,
    jobs: int | None = None,
    fresh: bool = False,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
    wait: Callable[[str], None] | None = None,
) -> Checked:
    """Load files in environments, compare what they compute, and repair what fails.

    What is known is not measured again.

    Args:
        files: files, or folders with models in them.
        environments: names of environments or of groups.
        custom_objects: a module with the models' own classes, and ``build()`` for weights.
        inputs: sample inputs (an npz file, or a folder with one for each model), instead of such
            as the models ask for.
        reference: the environment to compare with; by default the one of the matrix that is most
            like a file's writer and loads it, whether it is among ``environments`` or not.
        remedies: ``"first"`` that works, ``"all"``, or ``"none"``.
        engine: see the module.
        trust: run what is in the files without a sandbox, too.
        jobs: how many environments are at work at a time; as many as there are cores if None.
        fresh: measure again what is known.
        matrix: see the module.
        store: see the module.
        wait: told why there is a wait for the store; without it a store in use is an error.

    Raises:
        UsageError: no path is a model, there is no such environment, or the engine is no sandbox.
        InfrastructureError: the store cannot be used.
    """
    models = find_models(_paths(files))
    if not models.paths:
        raise next(iter(models.refused.values()), UsageError("no file is named"))
    with (
        _opened(
            matrix, engine, store, trust=trust, jobs=jobs, fresh=fresh, remedies=remedies, wait=wait
        ) as setup,
        taken_in(models.paths, setup.store, _companions(custom_objects, inputs)) as (
            given,
            unreadable,
        ),
    ):
        refused = [*models.refused.values(), *unreadable]
        if not given:
            raise refused[0]
        chosen = setup.select(tuple(environments)).environments
        found = check_files(setup, given, chosen, reference=reference, command="kerasmatrix.check")
        if found.trouble:
            raise found.trouble
    return Checked(found.results, tuple(error.message for error in refused))


def bisect(  # noqa: PLR0913 - one argument per option
    file: PathLike,
    good: str,
    bad: str,
    *,
    strict: bool = False,
    within_matrix: bool = False,
    told: Callable[[Look], None] = lambda _: None,
    custom_objects: PathLike | None = None,
    inputs: PathLike | None = None,
    engine: str | Engine = "auto",
    trust: bool = False,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> Bisection:
    """Return the release with which a file breaks, or its numbers change, between two versions.

    Args:
        file: the model.
        good: an environment that loads it.
        bad: one that does not; it may be the older of the two.
        strict: a load that loses something is bad, too.
        within_matrix: make no environments for releases that the matrix does not have.
        told: called with each look as it was taken.
        custom_objects: a module with the model's own classes.
        inputs: sample inputs (npz).
        engine: see the module.
        trust: run what is in the file without a sandbox, too.
        matrix: see the module.
        store: see the module.

    Raises:
        UsageError: the good one is bad or the bad one good, or there is no such environment.
        InfrastructureError: one of the two cannot be had.
    """
    with (
        _opened(matrix, engine, store, trust=trust) as setup,
        taken_in_one(Path(file), setup.store, _companions(custom_objects, inputs)) as given,
    ):
        bisector = Bisector(
            setup,
            given,
            cache=default_cache(),
            strict=strict,
            within_matrix=within_matrix,
            told=told,
        )
        return bisector.find(setup.matrix.environment(good), setup.matrix.environment(bad))


def convert(  # noqa: PLR0913 - one argument per option
    file: PathLike,
    target: str,
    output: PathLike,
    *,
    manifest: PathLike | None = None,
    overwrite: bool = False,
    through: Sequence[str] = (DEFAULT,),
    custom_objects: PathLike | None = None,
    inputs: PathLike | None = None,
    engine: str | Engine = "auto",
    trust: bool = False,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> Manifest:
    """Write a file anew, so that a version loads it as it is and computes the same.

    It was loaded with that version, and compared, before it was written.

    Args:
        file: the model; it is only read.
        target: the environment that is to load it.
        output: what to write; its ending (.h5, .keras, none for a SavedModel) is its format.
        manifest: where to say what was done; by default beside the output.
        overwrite: replace what is there.
        through: environments or groups that may be gone through.
        custom_objects: a module with the model's own classes.
        inputs: sample inputs (npz).
        engine: see the module.
        trust: run what is in the file without a sandbox, too.
        matrix: see the module.
        store: see the module.

    Raises:
        CannotConvert: nothing makes such a file.
        UsageError: there is something already, or no such environment.
        InfrastructureError: an environment that is needed cannot be had, or nothing can be written.
    """
    source, place = Path(file), Path(output)
    form = form_of_ending(place.suffix)
    if form is None:
        raise UsageError(f"{place}: its ending stands for no format", hint="use .h5 or .keras")
    beside = Path(manifest) if manifest else manifest_beside(place)
    check_output(source, place, beside, overwrite=overwrite)
    with (
        _opened(matrix, engine, store, trust=trust) as setup,
        taken_in_one(Path(file), setup.store, _companions(custom_objects, inputs)) as given,
    ):
        between = setup.select(tuple(through)).environments
        wanted = setup.matrix.environment(target)
        made = Converter(setup, given, wanted, between).make(form, str(place))
        if not isinstance(made, Converted):
            raise CannotConvert(made)
        write_file(made.made, made.manifest, place, beside)
    return made.manifest


def explain(
    error: str, *, saved_with: str | None = None, loaded_with: str | None = None
) -> Cause | None:
    """Return the cause of an error, with what helps; None if the catalogue knows none.

    Args:
        error: a message, or a whole traceback.
        saved_with: the TensorFlow that saved the file, such as ``tf2.4``.
        loaded_with: the TensorFlow that loads it.

    Raises:
        UsageError: there is no text, or a version is none.
    """
    return explain_text(error, saved_with, loaded_with)


def load_results(
    run: PathLike = "last", *, matrix: PathLike | None = None, store: PathLike | None = None
) -> Results:
    """Return what a run of the matrix found.

    Args:
        run: the path of a ``results.json``, or a stored run: its id, ``last`` or ``previous``.
        matrix: see the module.
        store: see the module.

    Raises:
        UsageError: there is no such run.
    """
    return find_results(os.fspath(run), Archive(_store(matrix, store)))


def frame(results: Results) -> pd.DataFrame:
    """Return what a run found as a frame, one row per cell; docs/columns.md has the columns."""
    from kerasmatrix.report.frame import cell_frame  # noqa: PLC0415 - it imports pandas

    return cell_frame(results)


def _matrix_file(matrix: PathLike | None) -> Path:
    return matrix_or_bundled(_path(matrix))


def _store(matrix: PathLike | None, store: PathLike | None) -> Path:
    return Path(store) if store is not None else places_of(_path(matrix)).store


def _path(given: PathLike | None) -> Path | None:
    return None if given is None else Path(given)


@contextmanager
def _opened(  # noqa: PLR0913 - what measuring takes
    matrix: PathLike | None,
    engine: str | Engine,
    store: PathLike | None,
    *,
    trust: bool,
    jobs: int | None = None,
    fresh: bool = False,
    remedies: Remedies = "first",
    wait: Callable[[str], None] | None = None,
) -> Iterator[Setup]:
    place = _matrix_file(matrix)
    project, loaded = Project(place), load_matrix(place)
    if isinstance(engine, str):
        from kerasmatrix.engines.select import open_engine  # noqa: PLC0415 - it imports Docker's client

        engine = open_engine(engine, loaded, project)
    with open_setup(
        project,
        loaded,
        engine,
        trust=trust,
        store=_store(matrix, store),
        wait=wait,
        jobs=jobs,
        remedies=remedies,
        fresh=fresh,
    ) as setup:
        yield setup


def _companions(code: PathLike | None, inputs: PathLike | None) -> Companions:
    return Companions(Path(code) if code else None, Path(inputs) if inputs else None)


def _paths(files: PathLike | Sequence[PathLike]) -> list[Path]:
    return [Path(files)] if isinstance(files, str | os.PathLike) else [Path(each) for each in files]
