"""The tasks: save a scenario's model, load an artifact, check its layers, convert it."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any

from . import (
    backend,
    configuration,
    exception_data,
    exports,
    formats,
    model_facts,
    precision,
    sample_inputs,
    saving_again,
    stored_state,
    task_files,
    training,
)

__all__ = ["Task"]

SAVE_SEED = 1
LOAD_SEED = 2  # another one, so that a rebuilt model cannot be right by chance


class Task:
    """A task as a function without arguments.

    ``stage`` is the current one of: ``script`` (the scenario's file), ``build``, ``save``,
    ``load``, ``call`` (the model on the sample inputs), ``inspect``, ``export``, ``run`` (the
    export), ``resave``, ``train``.
    """

    def __init__(
        self,
        request: dict,
        scenarios: str,
        artifacts: str,
        scratch: str,
        saving: saving_again.SavingAgain,
    ) -> None:
        """Prepare a task of a batch, whose tasks have ``saving`` in common."""
        self.request = request
        self._saving = saving
        self.files = task_files.TaskFiles(request, scenarios, artifacts, scratch)
        self.folder = self.files.folder  # the child's parent limits the space that it takes
        self.deadline = request["deadline"]
        self.stage = "script"
        self.timings: dict = {}
        self._modules: list = []
        self._training: dict | None = None
        self._stage_started = 0.0

    @property
    def group(self) -> tuple:
        """The key of tasks that may follow one another in a process."""
        return _group(self.request, is_given=self.files.is_given)

    def __call__(self) -> dict:
        """Run the task; return what it has measured. An exception is a result, too."""
        self._stage_started = time.monotonic()
        self.files.enter_scratch()
        precision.lift_limit(self.files.scenario)
        kinds = {
            "save": self._save,
            "take": self._take,
            "load": self._load,
            "probe": self._check_layers,
            "convert": self._convert,
        }
        return kinds[self.request["kind"]]()

    def _save(self) -> dict:
        backend.current().seed(SAVE_SEED)
        names = self.files.save_script()
        self._enter_stage("build")
        model = names["build"]()
        model_facts.randomize_weights(model, SAVE_SEED)
        self._enter_stage("call")
        sample = self._sample(model, names)
        self._enter_stage("inspect")
        facts = dict(
            _facts(model, sample.outputs),
            outputs=[
                dict(shape=list(array.shape), dtype=str(array.dtype)) for array in sample.outputs
            ],
        )
        self._enter_stage("save")
        target = self.files.create("artifact")
        formats.save(model, self.request["format"], target)
        if "after_save" in names:  # what the user's program does with the file
            names["after_save"](formats.find(self.request["format"], target))
        self._enter_stage("inspect")
        sample_inputs.save(os.path.join(target, "probe.npz"), sample)
        with open(os.path.join(target, "manifest.json"), "w") as handle:
            json.dump(
                dict(facts, scenario=self.request["scenario"], format=self.request["format"]),
                handle,
                indent=1,
                sort_keys=True,
            )
        self._enter_stage("train")
        facts["training"] = training.observe(model, sample)
        self._enter_stage(None)
        return dict(facts, timings=self.timings)

    def _take(self) -> dict:
        """Load a file that was saved elsewhere; make an artifact of the outputs of this version.

        The file itself is not copied into the artifact. A model that accepts none of the inputs is
        compared without outputs.
        """
        backend.current().seed(LOAD_SEED)
        target = self.files.create("artifact")
        model, did, path = self._load_model(self.files.with_given(target))
        self._enter_stage("call")
        sample = refusal = None
        try:
            sample = self._sample(model, self.files.load_script, path)
        except MemoryError:
            raise
        except Exception as error:
            refusal = exception_data.describe(error)
        self._enter_stage("inspect")
        outputs = sample.outputs if sample else model_facts.Outputs()
        facts = dict(_facts(model, outputs), did=did, refused=refusal)
        facts["stored"] = stored_state.training_state(self.request["format"], path)
        sample_inputs.save(os.path.join(target, "probe.npz"), sample)
        self._train(model, sample, facts)
        return dict(facts, timings=self.timings)

    def _train(self, model: Any, sample: Any, facts: dict) -> None:
        """Observe a training step of a loaded model, as the last step of a task.

        A compile state with which a model cannot be trained may prevent ``predict``, too, which the
        direct call does not show: Keras 3 raises in both if ``steps_per_execution`` is None.
        """
        self._enter_stage("train")
        facts["training"] = training.observe(model, sample)
        if sample and facts["training"].get("raised"):
            self._enter_stage("call")
            model_facts.predict(model, sample.inputs, sample.keys)
        self._enter_stage(None)

    def _load(self) -> dict:
        backend.current().seed(LOAD_SEED)
        artifact = self.files.artifact()
        model, did, path = self._load_model(artifact)
        self._enter_stage("call")
        sample = self._reference_sample(model, path, artifact)
        outputs = (
            model_facts.outputs(model, sample.inputs, sample.keys)
            if sample
            else model_facts.Outputs()
        )
        if sample and precision.computes_in_half(self.files.scenario):
            # TensorFlow rewrites graphs for oneDNN, even to kernels that half precision lacks.
            model_facts.predict(model, sample.inputs, sample.keys)
        exported = None
        if exports.wanted():
            exported, outputs = self._export(model, sample, outputs)
        self._enter_stage("inspect")
        facts = dict(_facts(model, outputs), did=did)
        facts.update(model_facts.difference(outputs, sample.outputs if sample else []))
        if exported:  # which is not saved again, nor trained
            self._enter_stage(None)
            return dict(facts, exported=exported.facts, timings=self.timings)
        self._enter_stage("resave")
        again = self.files.create("again")
        facts["resave_error"] = self._saving.error(model, self.request["format"], facts, again)
        self._train(model, sample, facts)
        return dict(facts, timings=self.timings)

    def _export(self, model: Any, sample: Any, outputs: Any) -> tuple:
        """Return the export of a model, and the outputs of the export in place of the model's."""
        inputs, keys = (sample.inputs, sample.keys) if sample else ([], None)
        self._enter_stage("export")
        exported = exports.export(model, self.files.create("export"))
        found = model_facts.Outputs()
        if sample:
            self._enter_stage("run")
            found.extend(exports.outputs(exported, model, inputs, keys))
            found.structure = outputs.structure
        return exported, found

    def _check_layers(self) -> dict:
        """Create each layer of the artifact's architecture by itself."""
        from .remedies import remedies

        artifact = self.files.artifact()
        case = remedies.Case(
            self.request["format"], artifact, self.files.scenario, self.files.folder
        )
        return dict(culprits=remedies.failing_layers(case))

    def _convert(self) -> dict:
        """Load an artifact and save it in another format, with the same sample inputs.

        Without a format to save in, the new artifact is the file that fixes have made.
        """
        backend.current().seed(LOAD_SEED)
        artifact = self.files.artifact()
        model, did, path = self._load_model(artifact)
        self._enter_stage("inspect")
        facts = dict(
            model=type(model).__name__,
            weights=model_facts.weights(model),
            compiled=model_facts.compile_state(model),
            did=did,
        )
        self._enter_stage("save")
        target = self.files.create("artifact")
        if self.request["into"]:
            formats.save(model, self.request["into"], target)
            self._keep_arguments(formats.find(self.request["into"], target))
        else:
            shutil.copyfile(path, os.path.join(target, "model" + os.path.splitext(path)[1]))
        for module in self._modules:
            shutil.copy(module, target)
        # The outputs of the first save remain the reference.
        shutil.copy(os.path.join(artifact, "probe.npz"), target)
        self._enter_stage(None)
        return dict(facts, timings=self.timings)

    def _keep_arguments(self, path: str) -> None:
        """Complete a saved file, if fixes have written the model's training configuration."""
        if self._training is not None:
            from .remedies import kept_arguments

            kept_arguments.keep_arguments(path, self._training)

    def _load_model(self, artifact: str) -> tuple:
        """Return the model in an artifact, the changes by fixes, and the path of the file."""
        form = self.request["format"]
        if self.request.get("remedies"):
            from .remedies import remedies

            self._enter_stage("load")
            case = remedies.Case(form, artifact, self.files.scenario, self.files.folder)
            model = remedies.load(case, self.request["remedies"])
            self._modules, self._training = case.modules, case.training
            return model, case.did, case.path
        names = self.files.load_script
        self.files.import_modules(artifact)
        self._enter_stage("load")
        # A reference only needs the outputs, which Keras 3 has without `load_model`, too.
        load = formats.load_reference if self.request["kind"] == "take" else formats.load
        model = load(form, artifact, names, lambda: self.files.build(names))
        return model, [], formats.find(form, artifact)

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
            self._sample(model, self.files.load_script, path)
            raise

    def _enter_stage(self, stage: str | None) -> None:
        now = time.monotonic()
        self.timings[self.stage] = self.timings.get(self.stage, 0.0) + now - self._stage_started
        self._stage_started = now
        if stage is not None:
            self.stage = stage


def _group(request: dict, *, is_given: bool) -> tuple:
    """Return what tasks have in common that may follow one another in a process.

    They run the same scripts and fixes: a change that one leaves unnoticed is one that the next
    makes, too.
    """
    if is_given:
        return (request["id"],)  # the code in it is unknown: it gets a process of its own
    # The numbers in a SavedModel's function names depend on the earlier work of the process.
    alone = request["kind"] in ("save", "convert") and "savedmodel" in (
        request["format"],
        request.get("into"),
    )
    if alone:
        return (request["id"],)
    return (request["scenario"], request["kind"], tuple(request.get("remedies", ())))


def _facts(model: Any, outputs: Any) -> dict:
    """Return the facts about a model that has been called."""
    return dict(
        model=type(model).__name__,
        weights=model_facts.weights(model),
        compiled=model_facts.compile_state(model),
        layers=configuration.packed(configuration.layers(model)),
        structure=outputs.structure,
    )
