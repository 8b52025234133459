"""The tasks: save a scenario's model, load an artifact, look at its parts, convert it."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
import time
from typing import Any

from . import (
    configuration,
    exception_data,
    formats,
    model_facts,
    precision,
    sample_inputs,
    script,
    stored_state,
    training,
)

__all__ = ["Work"]

GIVEN = "given"  # of a scenario that saves nothing: the folder with the file that it is about
SAVE_SEED = 1
LOAD_SEED = 2  # another one, so that a rebuilt model is not right by chance


class Work:
    """One task as a function without arguments, with the ``stage`` it has come to.

    Stages: ``script`` (the scenario's file), ``build``, ``save``, ``load``, ``call`` (the model
    on the sample inputs), ``inspect``.
    """

    def __init__(self, request: dict, scenarios: str, artifacts: str, scratch: str) -> None:
        self.request = request
        self.scenario = os.path.join(scenarios, request["scenario"])
        self.artifacts = artifacts
        self.folder = os.path.join(scratch, request["id"])
        self.deadline = request["deadline"]
        self.stage = "script"
        self.timings: dict = {}
        self._loader: dict | None = None
        self._began = 0.0

    @property
    def is_given(self) -> bool:
        """Whether the task is about a file that was saved elsewhere."""
        return os.path.isdir(os.path.join(self.scenario, GIVEN))

    @property
    def group(self) -> tuple:
        """What is equal of tasks that may follow one another in a process.

        They run the same scripts and remedies, so that what one leaves unseen is what the next
        does too. A SavedModel that is saved numbers its functions by what the process did before.
        """
        request = self.request
        if self.is_given:
            return (request["id"],)  # others made it: it shares a process with nothing
        alone = request["kind"] in ("save", "convert") and "savedmodel" in (
            request["format"],
            request.get("into"),
        )
        same = (request["scenario"], request["kind"], tuple(request.get("remedies", ())))
        return (request["id"],) if alone else same

    def __call__(self) -> dict:
        """Do the task; the value says what was found, an exception is the outcome itself."""
        self._began = time.monotonic()
        # Scripts may write files: they get a folder of their own to do it in. A worker that was
        # lost at this very task has left one.
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.chdir(self.folder)
        os.environ["TMPDIR"] = tempfile.tempdir = self.folder
        precision.lift_limit(self.scenario)
        kinds = {
            "save": self._save,
            "take": self._take,
            "load": self._load,
            "probe": self._probe,
            "convert": self._convert,
        }
        return kinds[self.request["kind"]]()

    def _save(self) -> dict:
        _seed(SAVE_SEED)
        names = script.run_script(os.path.join(self.scenario, "save.py"))
        self._enter("build")
        model = names["build"]()
        model_facts.stir(model, SAVE_SEED)
        self._enter("call")
        sample = self._sample(model, names)
        self._enter("inspect")
        facts = dict(
            _facts(model, sample.outputs),
            outputs=[
                dict(shape=list(array.shape), dtype=str(array.dtype)) for array in sample.outputs
            ],
        )
        self._enter("save")
        target = os.path.join(self.folder, "artifact")
        os.makedirs(target)
        formats.save(model, self.request["format"], target)
        self._enter("inspect")
        sample_inputs.save(os.path.join(target, "probe.npz"), sample)
        with open(os.path.join(target, "manifest.json"), "w") as handle:
            json.dump(
                dict(facts, scenario=self.request["scenario"], format=self.request["format"]),
                handle,
                indent=1,
                sort_keys=True,
            )
        self._enter("train")
        facts["training"] = training.observe(model, sample)
        self._enter(None)
        return dict(facts, timings=self.timings)

    def _take(self) -> dict:
        """Load a file that was saved elsewhere, and note what this version computes from it.

        The artifact is what others are compared with; the file itself stays where it is. A model
        that refuses all inputs, and does not get them from elsewhere, is compared without outputs.
        """
        _seed(LOAD_SEED)
        target = os.path.join(self.folder, "artifact")
        os.makedirs(target)
        model, did, path = self._loaded(self._with_given(target))
        self._enter("call")
        sample = refusal = None
        try:
            sample = self._sample(model, self._names, path)
        except MemoryError:
            raise
        except Exception as error:
            refusal = exception_data.describe(error)
        self._enter("inspect")
        outputs = sample.outputs if sample else model_facts.Outputs()
        facts = dict(_facts(model, outputs), did=did, refused=refusal)
        facts["stored"] = stored_state.training_state(self.request["format"], path)
        sample_inputs.save(os.path.join(target, "probe.npz"), sample)
        self._enter("train")
        facts["training"] = training.observe(model, sample)
        self._enter(None)
        return dict(facts, timings=self.timings)

    def _load(self) -> dict:
        _seed(LOAD_SEED)
        artifact = self._artifact()
        model, did, path = self._loaded(artifact)
        self._enter("call")
        sample = self._reference_sample(model, path, artifact)
        outputs = (
            model_facts.outputs(model, sample.inputs, sample.keys)
            if sample
            else model_facts.Outputs()
        )
        if sample and precision.computes_in_half(self.scenario):
            # TensorFlow rewrites graphs for oneDNN, even to kernels that half precision lacks.
            model_facts.predict(model, sample.inputs, sample.keys)
        self._enter("inspect")
        facts = dict(_facts(model, outputs), did=did)
        facts.update(model_facts.difference(outputs, sample.outputs if sample else []))
        self._enter("resave")
        facts["resave_error"] = self._save_again(model)
        self._enter("train")
        facts["training"] = training.observe(model, sample)
        self._enter(None)
        return dict(facts, timings=self.timings)

    def _probe(self) -> dict:
        """Look at the artifact's architecture, layer by layer."""
        from .remedies import remedies

        artifact = self._artifact()
        case = remedies.Case(self.request["format"], artifact, self.scenario, self.folder)
        return dict(culprits=remedies.culprits(case))

    def _convert(self) -> dict:
        """Load an artifact and save it in another format, as an artifact with the same probe.

        Without a format to save in, the artifact is the file that remedies made of it.
        """
        _seed(LOAD_SEED)
        artifact = self._artifact()
        model, did, path = self._loaded(artifact)
        self._enter("inspect")
        facts = dict(
            model=type(model).__name__,
            weights=model_facts.weights(model),
            compiled=model_facts.compile_state(model),
            did=did,
        )
        self._enter("save")
        target = os.path.join(self.folder, "artifact")
        os.makedirs(target)
        if self.request["into"]:
            formats.save(model, self.request["into"], target)
        else:
            shutil.copyfile(path, os.path.join(target, "model" + os.path.splitext(path)[1]))
        # What it computed when it was first saved stays what it is measured by.
        shutil.copy(os.path.join(artifact, "probe.npz"), target)
        self._enter(None)
        return dict(facts, timings=self.timings)

    def _loaded(self, artifact: str) -> tuple:
        """Return the model in an artifact, what remedies did for it, and the path it came from."""
        form = self.request["format"]
        if self.request.get("remedies"):
            from .remedies import remedies

            self._enter("load")
            case = remedies.Case(form, artifact, self.scenario, self.folder)
            model = remedies.load(case, self.request["remedies"])
            return model, case.did, case.path
        names = self._names
        self._enter("load")
        # What others are compared with may come back in another way than a program loads it.
        load = formats.load_reference if self.request["kind"] == "take" else formats.load
        model = load(form, artifact, names, lambda: self._build(names))
        return model, [], formats.find(form, artifact)

    @property
    def _names(self) -> dict:
        """The names that the scenario's ``load.py`` defines; it runs at the first use."""
        if self._loader is None:
            self._loader = script.run_script(os.path.join(self.scenario, "load.py"))
        return self._loader

    def _sample(self, model: Any, names: dict, path: str = "") -> sample_inputs.Sample:
        """Return inputs that the model accepts, and its outputs."""
        seconds = self.deadline / 3
        return sample_inputs.find(model, names, path, call=model_facts.outputs, seconds=seconds)

    def _reference_sample(
        self, model: Any, path: str, artifact: str
    ) -> sample_inputs.Sample | None:
        """Return what the reference computed.

        Where there is none the model is called all the same: if that ends the process, this is why
        no version has become the reference.
        """
        try:
            return sample_inputs.load(os.path.join(artifact, "probe.npz"))
        except sample_inputs.Unusable:
            self._sample(model, self._names, path)
            raise

    def _artifact(self) -> str:
        """Return the folder with the model to be loaded and its ``probe.npz``."""
        return self._with_given(os.path.join(self.artifacts, self.request["artifact"]))

    def _with_given(self, artifact: str) -> str:
        """Return a folder with what is in ``artifact``, and the file that the scenario is about.

        The latter is left out where ``artifact`` has a model of its own. The folder is the task's:
        Keras 3.4 and 3.5 unpack an archive's weights beside it, where another version that loads
        the same would find them half there.
        """
        given = os.path.join(self.scenario, GIVEN)
        own = not os.path.isdir(given) or set(os.listdir(artifact)) - {"probe.npz"}
        together = os.path.join(self.folder, "together")
        os.makedirs(together)
        for folder in (artifact,) if own else (given, artifact):
            for name in os.listdir(folder):
                os.symlink(os.path.join(folder, name), os.path.join(together, name))
        return together

    def _build(self, names: dict) -> Any:
        """Build the untrained model for weights: by load.py's code, else by save.py's."""
        if "build" not in names:
            names = script.run_script(os.path.join(self.scenario, "save.py"))
        return names["build"]()

    def _save_again(self, model: Any) -> dict | None:
        """Save the loaded model in its own format; None if that works, else the failure."""
        target = os.path.join(self.folder, "again")
        os.makedirs(target)
        try:
            formats.save(model, self.request["format"], target)
        except Exception as error:
            return exception_data.describe(error)
        return None

    def _enter(self, stage: str | None) -> None:
        now = time.monotonic()
        self.timings[self.stage] = self.timings.get(self.stage, 0.0) + now - self._began
        self._began = now
        if stage is not None:
            self.stage = stage


def _facts(model: Any, outputs: Any) -> dict:
    """Return what is known of a model that has been called."""
    return dict(
        model=type(model).__name__,
        weights=model_facts.weights(model),
        compiled=model_facts.compile_state(model),
        layers=configuration.packed(configuration.layers(model)),
        structure=outputs.structure,
    )


def _seed(seed: int) -> None:
    import numpy as np

    import tensorflow as tf

    random.seed(seed)
    np.random.seed(seed)
    tf.compat.v1.set_random_seed(seed)
