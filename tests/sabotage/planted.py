"""Plants every difference in loaded models, and reports what the harness sees. Runs inside an
environment: ``python planted.py HARNESS_PARENT OUTPUT FORMATS [MODEL…]``.
"""

import json
import os
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0:0] = [HERE, sys.argv[1]]

import differences
import models
import numpy as np
import spellings
from harness import exception_data, formats, model_facts, sample_inputs, tasks, training
from models import KERAS_3, K, L

HALF = {"policy"}  # models of half precision


def forms():
    """Return which of the formats that were asked for this release has, and reads as a model."""
    import tensorflow as tf

    version = tuple(int(part) for part in tf.__version__.split(".")[:2])
    left_out = {"keras"} if version < (2, 12) else set()
    if KERAS_3:
        left_out.add("savedmodel")  # what comes back is a layer around a graph
    return [form for form in sys.argv[3].split(",") if form not in left_out]


def saved_facts(model, inputs):
    """Return the facts that `tasks.Task` reports for a model that it saves, without training."""
    outputs = model_facts.outputs(model, inputs)
    return tasks._facts(model, outputs), outputs


def loaded_facts(load, plant, inputs, reference, trains=True):
    """Return the observation of a load with a difference in it.

    Training is looked at where a difference does not show otherwise: it takes half of the time.
    """
    stage = "load"
    try:
        model = load()
        noise = 0.0
        if plant is not None:
            planted = plant(model)
            if isinstance(planted, tuple):
                noise, planted = 1e-7, planted[1]
            model = planted if planted is not None else model
        stage = "call"
        outputs = model_facts.outputs(model, inputs)
        structure = outputs.structure
        outputs = model_facts.Outputs(
            array * array.dtype.type(1 + noise) if noise and array.dtype.kind == "f" else array
            for array in outputs
        )
        outputs.structure = structure
        stage = "inspect"
        facts = tasks._facts(model, outputs)
        facts.update(model_facts.difference(outputs, reference))
        if trains:
            facts["training"] = training.observe(model, sample_inputs.Sample(inputs, reference))
        return dict(ended="returned", value=facts)
    except differences.NotHeld:
        return None
    except Exception as error:
        return dict(ended="raised", stage=stage, error=exception_data.describe(error))


def main():
    """Write one JSON object a line: a control, a difference that matters, or one that does not."""
    out = open(sys.argv[2], "w")

    def report(**fields):
        out.write(json.dumps(fields) + "\n")
        out.flush()

    names = {case[1] for case in differences.MATTERS} | {case[1] for case in spellings.VAIN}
    wanted = set(sys.argv[5:]) or {*names, "spelled"}
    # Models of half precision are planted in a process of their own (`harness.precision`).
    wanted &= HALF if sys.argv[4] == "half" else {*names, "spelled"} - HALF
    names &= wanted
    for name in sorted(names):
        for form in forms():
            K.backend.clear_session()
            folder = tempfile.mkdtemp()
            try:
                # One model for each format: Keras 3 forgets the optimizer's config in writing HDF5.
                model = models.MODELS[name]()
                inputs = models.inputs(name)
                facts, reference = saved_facts(model, inputs)
                formats.save(model, form, folder)
                facts["training"] = training.observe(model, sample_inputs.Sample(inputs, reference))
            except Exception as error:
                report(kind="no-model", model=name, format=form, error=repr(error)[:300])
                continue

            def load(form=form, folder=folder):
                script = dict(keras=K, load=K.models.load_model)
                return formats.load(form, folder, script, models.MODELS[name])

            report(
                kind="control",
                model=name,
                format=form,
                saved=facts,
                load=loaded_facts(load, None, inputs, reference),
            )
            for case, base, words, plant, held in differences.MATTERS:
                if base == name and form in held:
                    report(
                        kind="matters",
                        name=case,
                        model=name,
                        format=form,
                        words=words,
                        saved=facts,
                        load=loaded_facts(load, plant, inputs, reference, "training" in words),
                    )
            for case, base, plant, held in spellings.VAIN:
                if base == name and form in held:
                    report(
                        kind="vain",
                        name=case,
                        model=name,
                        format=form,
                        saved=facts,
                        load=loaded_facts(load, plant, inputs, reference),
                    )
            shutil.rmtree(folder)
    if "spelled" not in wanted:
        return
    for number, (case, shape, one, other) in enumerate(spellings.LAYERS):
        spelled(report, case, number, lambda make: around(make, shape), one, other)
    for number, (case, one, other) in enumerate(spellings.COMPILED):
        spelled(report, case, number, with_arguments, one, other)


def around(make, shape):
    """Return a model of one layer."""
    inputs = K.Input(shape, name="start")
    return K.Model(inputs, make()(inputs))


def with_arguments(make):
    """Return a small model, compiled."""
    model = K.Sequential([K.Input((3,)), L.Dense(1, activation="sigmoid", name="answer")])
    model.compile(**dict(dict(optimizer=models.optimizer("SGD", 0.01)), **make()))
    return model


def spelled(report, case, number, build, one, other):
    """Report a model in one spelling, judged as if the other had been saved."""
    for form in ("h5", "keras", "savedmodel"):
        # A SavedModel takes seconds to write: every fourth case.
        if form not in forms() or (form == "savedmodel" and number % 4):
            continue
        K.backend.clear_session()
        folder = tempfile.mkdtemp()
        try:
            # One way in one format, the other way in the next.
            model, twin = (
                (build(one), build(other)) if form != "keras" else (build(other), build(one))
            )
            twin.set_weights(model.get_weights())
            shape = model.input_shape[1:]
            inputs = [np.random.RandomState(5).uniform(0, 1, (4, *shape)).astype("float32")]
            facts, reference = saved_facts(model, inputs)
            control, _ = saved_facts(twin, inputs)
            formats.save(twin, form, folder)
            load = loaded_from(form, folder, inputs, reference)
            facts["training"] = training.observe(model, sample_inputs.Sample(inputs, reference))
            control["training"] = training.observe(twin, sample_inputs.Sample(inputs, reference))
            place = dict(model=f"spelled: {case}", format=form, load=load)
            report(kind="control", saved=control, **place)
            report(kind="vain", name=case, saved=facts, **place)
        except Exception:
            report(kind="no-model", model=case, format=form, error=traceback.format_exc()[-300:])
        shutil.rmtree(folder, ignore_errors=True)


def loaded_from(form, folder, inputs, reference):
    script = dict(keras=K, load=K.models.load_model)
    return loaded_facts(lambda: formats.load(form, folder, script, None), None, inputs, reference)


if __name__ == "__main__":
    main()
