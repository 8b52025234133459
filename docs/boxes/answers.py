"""Answers for the boxes in pages: runs in Pyodide, with the modules that the commands run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.prediction.rules import fixes_in, story_of

# The fields of a prediction in the command's JSON.
FIELDS = ("environment", "status", "cause", "remedy", "rule", "confidence")


def explain(text: str, saved_with: str, loaded_with: str, file_format: str) -> str:
    """Return the explanation as JSON, with ``error`` and ``hint`` if the user has to mend that."""
    from kerasmatrix.diagnosis.explain import explain_message

    try:
        found = explain_message(text, saved_with or None, loaded_with or None, file_format or None)
    except UsageError as error:
        return json.dumps({"error": error.message, "hint": error.hint})
    return found.model_dump_json()


def describe(folder: str, names: list[str]) -> str:
    """Return what `inspect` and `predict` say about files in ``folder``, as JSON of a list.

    Args:
        folder: the files lie there, and nothing else does.
        names: the files and folders at its top.
    """
    from kerasmatrix.files.discover import find_models
    from kerasmatrix.prediction.custom_objects import custom_object_names

    os.chdir(folder)
    modules = [Path(name) for name in names if name.endswith(".py")]
    others = [Path(name) for name in names if not name.endswith(".py")]
    if not others:
        return json.dumps([{"error": "none of the files is a model"}])
    # Of several files, those that belong to one model count as one, as in a folder.
    models = find_models(others if len(others) == 1 else [Path()])
    answers = [_refused(path, error) for path, error in models.refused.items()]
    try:
        custom = frozenset().union(*map(custom_object_names, modules))
    except UsageError as error:
        return json.dumps([_refused(modules[0], error)])
    read: set[str] = set()
    for path in models.paths:
        try:
            answers.append(_described(path, custom, read))
        except UsageError as error:
            read.add(str(path))
            answers.append(_refused(path, error))
    left = sorted(str(path) for path in others if not _is_of(path, read))
    if left and len(others) > 1:
        answers.append({"error": f"no models: {', '.join(left)}"})
    return json.dumps(answers)


def forget(folder: str) -> None:
    """Delete dropped files."""
    os.chdir("/")
    shutil.rmtree(folder, ignore_errors=True)


def _described(path: Path, custom: frozenset[str], read: set[str]) -> dict[str, object]:
    from kerasmatrix.inspection.folder_check import refusal
    from kerasmatrix.inspection.inspect import describe_contents
    from kerasmatrix.inspection.parts import parts_of
    from kerasmatrix.inspection.read import read_contents
    from kerasmatrix.inspection.sentences import describe_facts, describe_kind
    from kerasmatrix.prediction.prediction import equal_runs
    from kerasmatrix.prediction.predictor import predict_contents
    from kerasmatrix.prediction.required_objects import names_besides, required_of

    contents = read_contents(path)
    model_file = describe_contents(contents)
    read.update(map(str, parts_of(model_file)))
    answer: dict[str, object] = {
        "file": str(path),
        "model": model_file.model_dump(mode="json"),
        "kind": describe_kind(model_file),
        "facts": describe_facts(model_file, *names_besides(model_file, required_of(contents))),
        "tree": _tree(model_file.architecture) if model_file.architecture else None,
    }
    if contents.fault:
        return {**answer, **_refused(path, refusal(path, contents.fault))}
    predictions = predict_contents(contents, targets(), custom)
    return {
        **answer,
        "predictions": [
            {name: getattr(prediction, name) for name in FIELDS} for prediction in predictions
        ],
        "runs": [
            {
                **prediction.about(),
                "environments": names,
                "story": story_of(prediction.cause) or None if prediction.cause else None,
                "fixes": [
                    {"id": fix.id, "title": fix.title} for fix in fixes_in(prediction.remedy)
                ],
            }
            for names, prediction in equal_runs(predictions)
        ],
    }


def _tree(part: object) -> dict[str, object]:
    from kerasmatrix.inspection.sentences import describe_part

    return {
        "class": part.class_name,
        "name": part.name,
        "facts": describe_part(part),
        "custom": part.custom,
        "parts": [_tree(inner) for inner in part.parts],
    }


def _refused(path: Path, error: KerasmatrixError) -> dict[str, object]:
    return {"file": str(path), "error": error.message, "hint": error.hint}


def _is_of(path: Path, read: set[str]) -> bool:
    """Return whether a dropped file or folder is a part of a model, or holds one."""
    return any(Path(name) == path or path in Path(name).parents for name in read)


@cache
def targets() -> tuple[object, ...]:
    """Return the environments of the matrix that the site was built with."""
    from kerasmatrix.prediction.target import Target

    def made() -> Iterator[Target]:
        for stored in json.loads(Path(__file__).with_name("environments.json").read_text("utf-8")):
            yield Target(**{**stored, "keras_packages": frozenset(stored["keras_packages"])})

    return tuple(made())
