"""Finds the smallest model that fails as a file does in a version, as a script for an issue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import UsageError
from kerasmatrix.files.failure import Failure
from kerasmatrix.files.failure_trials import FailureTrials, names_in, open_trials
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.reduction import Budget, reduced
from kerasmatrix.files.reproduction_script import issue_text, script_of
from kerasmatrix.files.session import Session
from kerasmatrix.files.small_model import RandomArray, SmallModel
from kerasmatrix.inspection.architecture import layers_of
from kerasmatrix.inspection.array_owners import owned_arrays
from kerasmatrix.inspection.inspect import read_time
from kerasmatrix.inspection.read import read_contents
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess
from kerasmatrix.inspection.stored_arrays import open_arrays
from kerasmatrix.strict_model import StrictModel

__all__ = ["MOST_TRIALS", "Reproduction", "reproduce"]

MOST_TRIALS = 300
REDUCIBLE = {"hdf5-model": "h5", "keras-archive": "keras"}


class Reproduction(StrictModel):
    """The result of a reduction. Without a script, ``why`` says why there is none."""

    file: str
    loaded_with: str
    failure: Failure | None = Field(default=None, description="None if the file loads")
    why: str | None = None
    script: str | None = None
    issue: str | None = None
    layers: tuple[int, int] = Field(default=(0, 0), description="before and after")
    arguments: tuple[int, int] = Field(default=(0, 0), description="before and after")
    trials: int = 0
    needs: str | None = Field(
        default=None, description="the module that the script imports, if custom classes matter"
    )


class StoredModel(StrictModel):
    """A file's configuration and the shapes of its arrays, as read in a subprocess."""

    config: Any = None
    training: Any = None
    keras: str | None = None
    arrays: tuple[tuple[str, str, tuple[int, ...]], ...] = ()


def reproduce(  # noqa: PLR0913 - one argument per option
    session: Session,
    model_input: ModelInput,
    environment: Environment,
    *,
    code: Path | None = None,
    on_trial: Callable[[int], None] = lambda _: None,
    most: int = MOST_TRIALS,
) -> Reproduction:
    """Return the smallest model that fails in ``environment`` as a file does.

    Args:
        session: where and how it is loaded.
        model_input: the file.
        environment: the version in which it fails.
        code: the module with the file's custom objects.
        on_trial: called with the number of each trial.
        most: how many models to try.

    Raises:
        InfrastructureError: the environment is unavailable.
    """
    told = Reproduction(file=model_input.path, loaded_with=environment.name)
    with open_trials(session, environment, model_input) as trials:
        form = REDUCIBLE.get(model_input.model_file.kind)
        whole = _read(Path(model_input.path), form) if form else None
        failure = trials.of_file(names_in(whole) if whole else ())
        if failure is None:
            return told.model_copy(update={"why": f"the file loads in {environment.name}"})
        told = told.model_copy(update={"failure": failure})
        if whole is None:
            why = f"only HDF5 files and archives can be reduced, and this is {model_input.format}"
            return told.model_copy(update={"why": why})
        return _reduced(trials, told, whole, failure, _Options(code, on_trial, most))


@dataclass(frozen=True)
class _Options:
    """How a file is reduced; see `reproduce`."""

    code: Path | None
    on_trial: Callable[[int], None]
    most: int


def _reduced(
    trials: FailureTrials,
    told: Reproduction,
    whole: SmallModel,
    failure: Failure,
    options: _Options,
) -> Reproduction:
    # Classes of the user are passed only if the failure is another one without them.
    first = trials.of_model(whole, with_code=False)
    needs_code = options.code is not None and not (first and failure.is_like(first))
    if needs_code:
        first = trials.of_model(whole, with_code=True)
    if first is None or not failure.is_like(first):
        but = f"fails otherwise ({first.error}: {first.message[:200]})" if first else "loads"
        why = f"it cannot be reduced: with random numbers in place of its weights it {but}"
        return told.model_copy(update={"why": why})

    def is_alike(model: SmallModel) -> bool:
        options.on_trial(budget.tried)
        try:
            found = trials.of_model(model, with_code=needs_code)
        except (ValueError, TypeError, KeyError, AttributeError):  # it cannot be written
            return False
        return found is not None and first.is_like(found)

    budget = Budget(is_alike, options.most)
    small = reduced(whole, budget)
    module = options.code.stem if options.code and needs_code else None
    versions = trials.hello
    script = script_of(small, first, versions, module)
    told = told.model_copy(
        update={
            "layers": (_count(whole), _count(small)),
            "arguments": (_arguments(whole), _arguments(small)),
            "trials": budget.tried,
            "needs": module,
        }
    )
    seen = trials.of_script(script, small)
    if seen is None or (seen.cause, seen.error, seen.template) != (
        first.cause,
        first.error,
        first.template,
    ):
        but = f"it fails otherwise ({seen.error}: {seen.message[:200]})" if seen else "it does not"
        why = f"the script that was made does not fail alike: {but}"
        return told.model_copy(update={"why": why})
    written_by = f"Keras {whole.keras}" if whole.keras else "an unknown version"
    return told.model_copy(
        update={"script": script, "issue": issue_text(script, seen, versions, written_by)}
    )


def _count(model: SmallModel) -> int:
    return sum(1 for _ in layers_of(model.config)) - 1


def _arguments(model: SmallModel) -> int:
    return sum(len(layer["config"]) for _, layer in layers_of(model.config))


def _read(path: Path, form: str) -> SmallModel:
    limits = read_time(READER_LIMITS, path)
    stored = run_in_subprocess(read_stored_model, limits, path)
    if not isinstance(stored.config, dict):
        raise UsageError(f"{path}: has no configuration that can be reduced")
    return SmallModel(
        format="h5" if form == "h5" else "keras",
        config=stored.config,
        training=stored.training if form == "h5" else None,
        arrays=tuple(RandomArray(*each) for each in stored.arrays),
        keras=stored.keras,
        suffix=path.suffix if form == "h5" and path.suffix in {".keras", ".hdf5"} else "",
    )


def read_stored_model(path: Path) -> StoredModel:
    """Return the configuration of a file and the shapes of its arrays."""
    contents = read_contents(path)
    with open_arrays(contents) as stored:
        config = contents.config if isinstance(contents.config, dict) else None
        arrays = [
            (
                owned.layer[0],
                _within(owned.array.path, contents.kind, owned.layer),
                owned.array.shape,
            )
            for owned in owned_arrays(stored, config)
            if owned.layer
        ]
    return StoredModel(
        config=contents.config,
        training=contents.training,
        keras=contents.writer.keras,
        arrays=tuple(arrays),
    )


def _within(path: str, kind: str, layer: tuple[str, ...]) -> str:
    """Return the path of an array below the group of its layer."""
    if kind == "hdf5-model":
        return path.removeprefix(f"{layer[0]}/")
    parts = path.split("/")
    return "/".join(
        parts[2:] if parts[0] in {"layers", "_layer_checkpoint_dependencies"} else parts[1:]
    )
