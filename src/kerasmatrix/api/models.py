"""Functions that read, load and convert model files; see the package for their arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.api.places import (
    Downloads,
    PathLike,
    assets_of,
    matrix_path,
    open_models,
    store_folder,
)
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.bisect_result import Bisection, Probe
from kerasmatrix.files.conversion_plan import format_of
from kerasmatrix.files.diff import diff as diff_files
from kerasmatrix.files.diff_result import Difference
from kerasmatrix.files.file_check import FileCheck
from kerasmatrix.files.fix import OutputFile, convert_files
from kerasmatrix.files.import_models import import_model
from kerasmatrix.files.manifest import ConversionFailure, Manifest
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.output import check_output, default_manifest
from kerasmatrix.files.reproduce import MOST_TRIALS, Reproduction
from kerasmatrix.files.reproduce import reproduce as reproduction_of
from kerasmatrix.files.session import Session, SessionOptions
from kerasmatrix.inspection.inspect import inspect as inspect_file
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.prediction.cache import PredictionCache
from kerasmatrix.prediction.custom_objects import custom_object_names
from kerasmatrix.prediction.predict import predict_file
from kerasmatrix.prediction.select_targets import select_targets
from kerasmatrix.report.checked_files import Checked

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CannotConvert",
    "bisect",
    "check",
    "convert",
    "diff",
    "inspect",
    "predict",
    "reproduce",
]

DEFAULT = "default"


class CannotConvert(KerasmatrixError):
    """The version cannot load any file that was made; ``refusal`` has the attempts and fixes."""

    def __init__(self, refusal: ConversionFailure) -> None:
        super().__init__(f"{refusal.file}: {refusal.why}")
        self.refusal = refusal


def inspect(path: PathLike, *, digest: bool = False) -> ModelFile:
    """Return a description of a model file. It is read without TensorFlow, and never run.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also compute a digest of all weights.

    Raises:
        UsageError: it is damaged or not a model; the message names its type.
    """
    downloads = Downloads()
    return inspect_file(downloads.path(path), digest=digest)


def diff(a: PathLike, b: PathLike) -> Difference:
    """Return the difference between two model files of any formats and versions.

    Both are read without TensorFlow, and never run.

    Raises:
        UsageError: one is damaged or not a model; the message names it.
    """
    downloads = Downloads()
    return diff_files(downloads.path(a), downloads.path(b))


def predict(
    files: PathLike | Sequence[PathLike],
    *,
    environments: Sequence[str] = (),
    custom_objects: PathLike | None = None,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> pd.DataFrame:
    """Predict the result of loading files in environments. Nothing is loaded.

    Args:
        files: files, or folders with models in them.
        environments: names of environments or of groups; by default all.
        custom_objects: the module with the models' custom classes. It is read, not run.
        matrix: see the package.
        store: earlier runs, which the predictions use.

    Returns:
        One row for each file and environment. Columns: ``file``, ``environment``, ``status``,
        ``cause``, ``remedy``, ``rule``, ``confidence``, ``because``.

    Raises:
        UsageError: a file is not a model, or there is no such environment.
    """
    import pandas as pd  # noqa: PLC0415 - it is slow to import

    matrix_file = matrix_path(matrix)
    targets = select_targets(load_matrix(matrix_file), Project(matrix_file), tuple(environments))
    names = custom_object_names(Path(custom_objects)) if custom_objects else frozenset()
    cache = PredictionCache(store_folder(matrix, store))
    downloads = Downloads()
    _, models = downloads.models(files)
    for error in models.refused.values():
        raise error
    rows = [
        {"file": str(path), **dataclasses.asdict(prediction)}
        for path in models.paths
        for prediction in predict_file(path, targets, names, cache)
    ]
    return pd.DataFrame(rows)


def check(  # noqa: PLR0913 - one argument per option
    files: PathLike | Sequence[PathLike],
    *,
    environments: Sequence[str] = (DEFAULT,),
    exports: Sequence[str] = (),
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
    """Load files in environments, compare their outputs, and try fixes on failing loads.

    Stored results are reused.

    Args:
        files: files, or folders with models in them.
        environments: names of environments or of groups.
        exports: formats (``"onnx"``, ``"tflite"``) to which the models are also exported.
        custom_objects: the module with the models' custom classes, and ``build()`` for weights.
        inputs: sample inputs (an npz file, or a folder with one for each model); by default they
            are generated from the models' input shapes.
        reference: the environment to compare with; by default the one in the matrix that is
            nearest to a file's writer and loads it, even if it is not in ``environments``.
        remedies: which fixes to try: the ``"first"`` that works, ``"all"``, or ``"none"``.
        engine: see the package.
        trust: load the files without a sandbox, too.
        jobs: how many environments work at the same time; if None, as many as there are cores.
        fresh: ignore stored results.
        matrix: see the package.
        store: see the package.
        wait: called with the reason while the store is in use; if None, that is an error.

    Raises:
        UsageError: no path is a model, there is no such environment, or the engine is not a
            sandbox.
        InfrastructureError: the store cannot be used.
    """
    downloads = Downloads()
    named, models = downloads.models(files)
    request = FileCheck(
        named,
        models,
        assets_of(custom_objects, inputs),
        tuple(environments),
        tuple(exports),
        reference,
        SessionOptions(jobs, remedies, fresh, trust),
        lambda options: open_models(matrix, engine, store, options, wait),
        downloads,
    )
    with request.measured() as found:
        return Checked(
            found.checked.results,
            tuple(error.message for error in found.refused),
            {model.scenario.name: model.required for model in found.model_inputs},
            request,
        )


def bisect(  # noqa: PLR0913 - one argument per option
    file: PathLike,
    good: str,
    bad: str,
    *,
    strict: bool = False,
    within_matrix: bool = False,
    on_probe: Callable[[Probe], None] = lambda _: None,
    custom_objects: PathLike | None = None,
    inputs: PathLike | None = None,
    engine: str | Engine = "auto",
    trust: bool = False,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> Bisection:
    """Return the release with which a file breaks, or its outputs change, between two versions.

    Args:
        file: the model.
        good: an environment that loads it.
        bad: one that does not; it may be the older of the two.
        strict: count a load that loses something as bad.
        within_matrix: create no environments for releases that are not in the matrix.
        on_probe: called with each probe as soon as it is made.
        custom_objects: the module with the model's custom classes.
        inputs: sample inputs (npz).
        engine: see the package.
        trust: load the file without a sandbox, too.
        matrix: see the package.
        store: see the package.

    Raises:
        UsageError: the good one is bad or the bad one good, or there is no such environment.
        InfrastructureError: one of the two is unavailable.
    """
    assets = assets_of(custom_objects, inputs)
    with _open_model(file, assets, matrix, engine, store, trust=trust) as (session, model_input):
        bisector = Bisector(
            session,
            model_input,
            cache=default_cache(),
            strict=strict,
            within_matrix=within_matrix,
            on_probe=on_probe,
        )
        return bisector.find(session.environment(good), session.environment(bad))


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
    """Convert a file so that a version loads it as it is and computes the same outputs.

    The new file is loaded with that version, and compared, before it is written.

    Args:
        file: the model; it is only read.
        target: the environment that has to load it.
        output: the new file; its ending (.h5, .keras, none for a SavedModel) is its format.
        manifest: the file that describes the conversion; by default next to the output.
        overwrite: replace existing files.
        through: environments or groups that may be intermediate versions.
        custom_objects: the module with the model's custom classes.
        inputs: sample inputs (npz).
        engine: see the package.
        trust: load the file without a sandbox, too.
        matrix: see the package.
        store: see the package.

    Raises:
        CannotConvert: no such file can be made.
        UsageError: a file exists already, or there is no such environment.
        InfrastructureError: an environment is unavailable, or the file cannot be written.
    """
    path = Path(output)
    file_format = format_of(path.suffix)
    if file_format is None:
        raise UsageError(f"{path}: unknown file extension", hint="use .h5 or .keras")
    manifest_path = Path(manifest) if manifest else default_manifest(path)
    check_output(Path(file), path, manifest_path, overwrite=overwrite)
    assets = assets_of(custom_objects, inputs)
    with _open_model(file, assets, matrix, engine, store, trust=trust) as (session, model_input):
        outcome = convert_files(
            session,
            [model_input],
            session.environment(target),
            session.select(tuple(through)).environments,
            OutputFile(path, file_format, manifest_path, overwrite),
        )[0].result
    if isinstance(outcome, ConversionFailure):
        raise CannotConvert(outcome)
    if isinstance(outcome, KerasmatrixError):
        raise outcome
    return outcome.manifest


def reproduce(  # noqa: PLR0913 - one argument per option
    file: PathLike,
    loaded_with: str,
    *,
    most: int = MOST_TRIALS,
    custom_objects: PathLike | None = None,
    inputs: PathLike | None = None,
    engine: str | Engine = "auto",
    trust: bool = False,
    matrix: PathLike | None = None,
    store: PathLike | None = None,
) -> Reproduction:
    """Find the smallest model that fails as a file does; ``script`` and ``issue`` are texts.

    Args:
        file: the model.
        loaded_with: the environment in which it fails.
        most: how many models to try.
        custom_objects: the module with the model's custom classes.
        inputs: sample inputs (npz).
        engine: see the package.
        trust: load the file without a sandbox, too.
        matrix: see the package.
        store: see the package.

    Returns:
        The reduction. If the file loads or cannot be reduced, ``script`` is None, and ``why`` says
        why.

    Raises:
        UsageError: the file is not a model, or there is no such environment.
        InfrastructureError: the environment is unavailable.
    """
    assets = assets_of(custom_objects, inputs)
    with _open_model(file, assets, matrix, engine, store, trust=trust) as (session, model_input):
        environment = session.environment(loaded_with)
        return reproduction_of(session, model_input, environment, code=assets.code, most=most)


@contextmanager
def _open_model(  # noqa: PLR0913 - the options that the callers have in common
    file: PathLike,
    assets: ModelAssets,
    matrix: PathLike | None,
    engine: str | Engine,
    store: PathLike | None,
    *,
    trust: bool,
) -> Iterator[tuple[Session, ModelInput]]:
    """Open a session with one model file, which is downloaded if it is an address."""
    downloads = Downloads()
    with (
        open_models(matrix, engine, store, SessionOptions(trust=trust)) as session,
        import_model(downloads.path(file), session.store, assets) as model_input,
    ):
        yield session, model_input
