"""Makes a `ModelInput` of each model file: inspects it, and copies it into a scenario's folder."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from kerasmatrix.config.scenario import Scenario, digest_scenario
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.given_files import (
    ARCHITECTURE,
    ARCHITECTURES,
    copy_given,
    copy_plain,
    is_weights,
)
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import (
    FileState,
    ModelInput,
    describe,
    file_state,
)
from kerasmatrix.inspection.companions import name_without_ending
from kerasmatrix.inspection.file_type import ARCHIVE_NAME, check_is_model_folder
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.prediction.required_objects import RequiredObject, inspect_required
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.store.store import Store
from kerasmatrix.text.lines import first_line

__all__ = ["import_model", "import_models", "make_scenario", "unique_name"]

LONGEST_LINE = 300  # of a message that a file provoked
# A folder's name, with a number appended, has at most 255 bytes.
LONGEST_NAME = 120
WRITE_INPUTS = "write them with numpy.savez(path, first_input, second_input)"


@contextmanager
def import_models(
    paths: Sequence[Path], store: Store, assets: ModelAssets
) -> Iterator[tuple[list[ModelInput], list[UsageError]]]:
    """Yield the model inputs, and an error for each path that cannot be one.

    Any exception that a file provokes refuses that file alone.

    Raises:
        UsageError: an asset does not exist or has the wrong type.
        InfrastructureError: the store cannot be written.
    """
    assets.check()
    model_inputs: list[ModelInput] = []
    refused: list[UsageError] = []
    names: set[str] = set()
    with store.scratch("files") as folder:
        for path in paths:
            name = unique_name(path, names)
            names.add(name)
            try:
                model_inputs.append(_import(path, folder / name, assets))
            except InfrastructureError:
                raise
            except UsageError as error:
                refused.append(error)
            except Exception as error:  # noqa: BLE001 - the file can provoke any in our code
                refused.append(_unexpected(path, error))
        yield model_inputs, refused


@contextmanager
def import_model(path: Path, store: Store, assets: ModelAssets) -> Iterator[ModelInput]:
    """Yield the model input for a single file.

    Raises:
        UsageError: it is not a model.
    """
    with import_models([path], store, assets) as (model_inputs, refused):
        for error in refused:
            raise error
        yield model_inputs[0]


def _import(path: Path, folder: Path, assets: ModelAssets) -> ModelInput:
    """Make the model input of one file; on failure nothing is left in ``folder``."""
    try:
        check_is_model_folder(path)
        before = file_state(path)
        model_file, required = inspect_required(path)
        return make_scenario(model_file, folder, assets, before, required)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unexpected(path: Path, error: Exception) -> UsageError:
    line = first_line(error)
    refused = UsageError(
        f"{path}: is refused: reading it raised {type(error).__name__}: {line[:LONGEST_LINE]}",
        hint="this is a bug in kerasmatrix: please report it, with the file if you can",
    )
    refused.__cause__ = error
    return refused


def make_scenario(
    model_file: ModelFile,
    folder: Path,
    assets: ModelAssets,
    before: FileState | None = None,
    required: tuple[RequiredObject, ...] = (),
) -> ModelInput:
    """Make a scenario about a model file in ``folder``, with a copy of the file.

    Args:
        model_file: the description that `inspect` returned.
        folder: a new folder; its name becomes the scenario's name.
        assets: the files that come with the model.
        before: the file's state before `inspect` read it.
        required: the classes and functions that a program must bring to load it.

    Raises:
        UsageError: such a file cannot be loaded alone, cannot be copied, or changes meanwhile.
        InfrastructureError: ``folder`` cannot be written.
    """
    path = Path(model_file.path)
    _check_is_loadable(model_file, assets)
    with _blame_store(folder):
        folder.mkdir(parents=True)
        _write_scripts(folder, model_file, assets, required)
        sha256 = copy_given(model_file, folder)
    if before not in {None, file_state(path)}:
        raise UsageError(
            f"{path}: changes while it is read", hint="wait until it is written completely"
        )
    scenario = Scenario(
        name=folder.name,
        title=str(path),
        shows=describe(model_file),
        formats=tuple(FORMATS),
        given=True,
        trained=bool(model_file.training and model_file.training.optimizer_slots),
        holds_code=not model_file.is_plain_data,
        digest=digest_scenario(folder),
        folder=folder,
    )
    return ModelInput(model_file, scenario, sha256, required)


def _check_is_loadable(model_file: ModelFile, assets: ModelAssets) -> None:
    path = Path(model_file.path)
    if model_file.kind in ARCHITECTURES and model_file.companion is None:
        raise UsageError(
            f"{path}: is an architecture without weights: there are no numbers to compare",
            hint=f"put its weights next to it, as {path.stem}.weights.h5 or {path.stem}.h5",
        )
    if is_weights(model_file) and model_file.companion is None and assets.code is None:
        raise UsageError(
            f"{path}: holds weights without an architecture",
            hint="pass the code that builds the model with --custom-objects, in a function "
            f"build(), or put the architecture next to it, as {name_without_ending(path)}.json",
        )


def _write_scripts(
    folder: Path,
    model_file: ModelFile,
    assets: ModelAssets,
    required: Iterable[RequiredObject],
) -> None:
    code, inputs = assets.code, assets.inputs_for(Path(model_file.path))
    for script in ("load.py", "save.py"):
        text = resources.files("kerasmatrix.files").joinpath("template", script).read_text()
        (folder / script).write_text(text)
    if code:
        copy_plain(code, folder / code.name)
    if inputs:
        _copy_inputs(inputs, folder / "inputs.npz")
    settings: dict[str, object] = {
        "code": code.stem if code else None,
        "inputs": bool(inputs),
        "registered": {key: each.name for each in required for key in each.registered},
    }
    # Only where they apply: stored measurements of other files are looked up by this text.
    if is_weights(model_file) and model_file.companion:
        settings["architecture"] = ARCHITECTURE
    if model_file.holder == "folder":
        settings["unpacked"] = True
        if model_file.path.endswith(ARCHIVE_NAME):
            settings["ending"] = ARCHIVE_NAME
    (folder / "given.json").write_text(json.dumps(settings))


def _copy_inputs(source: Path, target: Path) -> None:
    """Copy sample inputs.

    Raises:
        UsageError: the file is not an .npz file with arrays, or cannot be read.
    """
    copy_plain(source, target)
    try:
        with zipfile.ZipFile(target) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{source}: cannot be read as sample inputs: {error}", hint=WRITE_INPUTS
        ) from error
    if not names:
        raise UsageError(f"{source}: holds no arrays", hint=WRITE_INPUTS)


def unique_name(path: Path, taken: Iterable[str]) -> str:
    """Return a scenario name for the file at ``path`` that is not in ``taken``."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", path.name).strip("._-")[:LONGEST_NAME] or "model"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


@contextlib.contextmanager
def _blame_store(folder: Path) -> Iterator[None]:
    """Turn an error of the store's file system into one that says so."""
    try:
        yield
    except OSError as error:
        raise InfrastructureError(
            f"{folder}: the store cannot be written: {error}",
            hint="make space and run again, or name another folder with --store",
        ) from error
