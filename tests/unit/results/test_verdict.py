import pytest

from kerasmatrix.harness import configuration
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import (
    LoadObservation,
    ProbeObservation,
    SaveFacts,
    SaveObservation,
)
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import infrastructure_fault, judge_load, judge_save
from tests.unit.fakes import ERROR, LOAD_FACTS, SAVE_FACTS, WEIGHT

TOLERANCE = Tolerance(absolute=1e-5, relative=1e-4)
ADAM = {
    "name": "Adam",
    "hyperparameters": {"learning_rate": 0.007, "name": "Adam"},
    "iterations": 0,
    "slots": [],
}
COMPILED = {"loss": "mse", "optimizer": ADAM}


def judge(load_changes=None, save_changes=None, form="h5"):
    saved = SaveFacts.parse({**SAVE_FACTS, **(save_changes or {})})
    facts = {**LOAD_FACTS, **(load_changes or {})}
    observation = LoadObservation.parse({"ended": "returned", "value": facts})
    return judge_load(saved, form, observation, TOLERANCE)


def compiled_after(**changes):
    optimizer = {**ADAM, **changes}
    return judge(
        {"compiled": {"loss": "mean_squared_error", "optimizer": optimizer}},
        {"compiled": COMPILED},
    )


def test_judge_load_same_weights_and_outputs_pass():
    verdict = judge()
    assert verdict.status is Status.PASS
    assert verdict.weights_equal is True


@pytest.mark.parametrize(("diff", "status"), [(1.09e-4, Status.PASS), (1.11e-4, Status.DRIFT)])
def test_judge_load_tolerance_is_absolute_plus_relative(diff, status):
    assert judge({"max_abs_diff": diff, "max_abs_reference": 1.0}).status is status


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [{**WEIGHT, "sha256": "bb"}]},
        {"weights": [{**WEIGHT, "dtype": "float16"}]},
        {"weights": [WEIGHT, WEIGHT]},
        {"weights": [{**WEIGHT, "sha256": "bb"}, WEIGHT]},
        {"shapes_equal": False, "max_abs_diff": None},
        {"finite": False},
    ],
)
def test_judge_load_other_numbers_are_drift(change):
    assert judge(change).status is Status.DRIFT


def test_judge_load_weights_may_be_renamed_and_reordered():
    other = {**WEIGHT, "sha256": "cc"}
    verdict = judge(
        {"weights": [{**other, "name": "b:0"}, {**WEIGHT, "name": "a:0"}]},
        {"weights": [WEIGHT, other]},
    )
    assert verdict.status is Status.PASS


@pytest.mark.parametrize(
    ("saved", "loaded", "status"),
    [("int64", "int32", Status.PASS), ("uint32", "int64", Status.PASS),
     ("int32", "float32", Status.DRIFT)],
)  # fmt: skip
def test_judge_load_counter_may_have_another_size(saved, loaded, status):
    verdict = judge(
        {"weights": [{**WEIGHT, "dtype": loaded}]}, {"weights": [{**WEIGHT, "dtype": saved}]}
    )
    assert verdict.status is status


def test_judge_load_cannot_be_saved_again_is_degraded():
    verdict = judge({"resave_error": ERROR})
    assert verdict.status is Status.DEGRADED
    assert "saved again (ValueError)" in verdict.summary


def test_judge_load_inference_only_layer_is_degraded():
    assert judge({"model": "TFSMLayer"}, form="savedmodel").status is Status.DEGRADED


def test_judge_load_graph_without_weights_is_degraded():
    verdict = judge({"weights": []}, form="savedmodel")
    assert verdict.status is Status.DEGRADED
    assert verdict.weights_equal is False
    assert "without layers or weights" in verdict.summary
    assert judge({"weights": [], "max_abs_diff": 0.5}).status is Status.DRIFT


def test_judge_load_lost_compile_state_except_for_weights():
    assert judge({}, {"compiled": COMPILED}).lost == ("the compile state",)
    assert judge({}, {"compiled": COMPILED}, form="weights").status is Status.PASS


def test_judge_load_alias_of_a_loss_is_equal():
    assert compiled_after().status is Status.PASS


def test_judge_load_reset_learning_rate_is_degraded():
    verdict = compiled_after(hyperparameters={"learning_rate": 0.001})
    assert verdict.status is Status.DEGRADED
    assert verdict.lost == ("the optimizer's learning_rate (0.007 became 0.001)",)


def test_judge_load_lr_is_the_learning_rate():
    assert compiled_after(hyperparameters={"lr": 0.007}).status is Status.PASS
    assert compiled_after(hyperparameters={"lr": 0.001}).status is Status.DEGRADED


def test_judge_load_rounded_learning_rate_is_equal():
    assert compiled_after(hyperparameters={"learning_rate": 0.0070000002160668373}).status is (
        Status.PASS
    )


@pytest.mark.parametrize(("momentum", "lost"), [(0.0, ()), (0.9, ("the optimizer state",))])
def test_judge_load_unused_momentum_does_not_count(momentum, lost):
    sgd = {**ADAM, "name": "SGD", "iterations": 5}
    settings = {"class_name": "Custom>SGD", "config": {"momentum": momentum}}
    stored = {"slots": ["m"], "iterations": 5, "config": {"optimizer_config": settings}}
    sides = {"compiled": {**COMPILED, "optimizer": sgd}}
    verdict = judge(sides, {**sides, "stored": stored})
    assert tuple(each for each in verdict.lost if each == "the optimizer state") == lost


def test_judge_load_another_optimizer_is_degraded():
    assert compiled_after(name="SGD").lost == ("the optimizer (Adam became SGD)",)


def test_judge_load_state_of_the_file_is_lost():
    fresh = {**COMPILED, "optimizer": {**ADAM, "iterations": 0, "slots": []}}
    saved = SaveFacts.parse({**SAVE_FACTS, "compiled": fresh})

    def judged(optimizer, *, trained):
        compiled = {"loss": "mse", "optimizer": {**ADAM, **optimizer}}
        value = {**LOAD_FACTS, "compiled": compiled}
        load = LoadObservation.parse({"ended": "returned", "value": value})
        return judge_load(saved, "h5", load, TOLERANCE, trained=trained)

    # Keras 3 takes the count of steps out of an HDF5 file, and not the moments.
    none = {"iterations": 9, "slots": []}
    assert judged(none, trained=True).lost == ("the optimizer state",)
    assert judged(none, trained=False).status is Status.PASS
    assert judged({"iterations": 5, "slots": ["m"]}, trained=True).status is Status.PASS
    # What cannot be read is not known to be lost.
    unreadable = {"iterations": None, "slots": [], "unreadable": "TypeError: no"}
    assert judged(unreadable, trained=True).status is Status.PASS


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ({"iterations": 3, "slots": ["m", "v"]}, ()),
        ({"iterations": 3, "slots": ["v", "m"]}, ()),
        ({"iterations": 0, "slots": []}, ("the optimizer state",)),
        ({"iterations": 3, "slots": ["m", "x"]}, ("the optimizer state",)),
    ],
)
def test_judge_load_optimizer_state_counts_after_a_step(after, lost):
    trained = {**COMPILED, "optimizer": {**ADAM, "iterations": 3, "slots": ["m", "v"]}}
    again = {**COMPILED, "optimizer": {**ADAM, **after}}
    assert judge({"compiled": again}, {"compiled": trained}).lost == lost


UNEXPECTED = "GlorotUniform.__init__() got an unexpected keyword argument 'input_axes'"
NESTED = f"""<class 'Dense'> could not be deserialized properly. Please see to it.

config={{'class_name': 'Dense', 'config': {{'units': 1}}}}.

Exception encountered: Error when deserializing class 'Dense' using config={{'units': 1}}.

Exception encountered: {UNEXPECTED}"""


@pytest.mark.parametrize(
    ("message", "summary"),
    [
        ("Unknown layer: Functional\nSee the manual.", "Unknown layer: Functional"),
        (NESTED, UNEXPECTED),
        ("It is broken.\nException encountered: ", "It is broken."),
    ],
)
def test_judge_load_failure_shows_the_innermost_message(message, summary):
    error = {"type": "TypeError", "message": message}
    load = LoadObservation.parse({"ended": "raised", "error": error, "stage": "load"})
    verdict = judge_load(SaveFacts.parse(SAVE_FACTS), "keras", load, TOLERANCE)
    assert verdict.summary == f"TypeError: {summary}"


@pytest.mark.parametrize(
    ("observation", "status", "words"),
    [
        ({"ended": "raised", "error": ERROR, "stage": "load"}, Status.FAIL,
         "ValueError: Unknown layer: Functional"),
        ({"ended": "raised", "error": ERROR, "stage": "call"}, Status.FAIL,
         "loads, but cannot be called"),
        ({"ended": "crashed", "signal": 11}, Status.CRASH, "killed by signal 11"),
        ({"ended": "crashed", "exit_code": 3}, Status.CRASH, "exit code 3"),
        ({"ended": "crashed"}, Status.CRASH, "no understandable answer"),
        ({"ended": "timed-out", "deadline": 60}, Status.TIMEOUT, "no answer within 60 s"),
        ({"ended": "raised", "stage": "load",
          "error": {"type": "MemoryError", "message": ""}}, Status.CRASH, "MemoryError"),
    ],
)  # fmt: skip
def test_judge_load_endings_have_their_own_status(observation, status, words):
    saved = SaveFacts.parse(SAVE_FACTS)
    load = LoadObservation.parse(observation)
    verdict = judge_load(saved, "h5", load, TOLERANCE)
    assert verdict.status is status
    assert words in verdict.summary


def test_judge_save_without_artifact_is_save_failed():
    good = {"ended": "returned", "value": SAVE_FACTS, "artifact": "ab"}
    assert judge_save(SaveObservation.parse(good)) is None
    bad = judge_save(SaveObservation.parse({**good, "artifact": None}))
    assert bad.status is Status.SAVE_FAILED


def test_infrastructure_fault_finds_a_full_disk():
    link = {"type": "OSError", "message": "[Errno 28] No space left on device"}
    error = {"type": "KeyError", "message": "x", "chain": [{"type": "KeyError", "message": "x"},
                                                            link]}  # fmt: skip
    observation = LoadObservation.parse({"ended": "raised", "error": error})
    assert "No space left" in infrastructure_fault(observation)
    plain = LoadObservation.parse({"ended": "raised", "error": ERROR})
    assert infrastructure_fault(plain) is None


FULL = {"type": "OSError", "message": "[Errno 28] No space left on device"}
FAULT = "OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    ("kind", "answer", "fault"),
    [
        (LoadObservation, {"ended": "raised", "error": FULL}, FAULT),
        (SaveObservation, {"ended": "raised", "error": {**FULL, "message": "Disk quota exceeded"}},
         "OSError: Disk quota exceeded"),
        (SaveObservation, {"value": {**SAVE_FACTS, "refused": FULL}}, FAULT),
        (SaveObservation, {"value": {**SAVE_FACTS, "refused_at_home": FULL}}, FAULT),
        (LoadObservation, {"value": {**LOAD_FACTS, "resave_error": FULL}}, FAULT),
        (SaveObservation, {"error": FULL, "value": SAVE_FACTS}, FAULT),
        (ProbeObservation, {"value": {"culprits": [
            {"layer": "a", "class_name": "A", "keys": [], "error": error}
            for error in ("ValueError: no", "OSError: Input/output error")
        ]}}, "OSError: Input/output error"),
        (LoadObservation, {"ended": "crashed", "log": "one\n Stale file handle \nthree"},
         "Stale file handle"),
        # Only of a crash, the printed text is all there is.
        (LoadObservation, {"value": LOAD_FACTS, "log": "Stale file handle"}, None),
        (LoadObservation, {"ended": "raised", "error": ERROR, "log": "Stale file handle"}, None),
        (LoadObservation, {"ended": "timed-out"}, None),
    ],
)  # fmt: skip
def test_infrastructure_fault_is_found_wherever_it_shows(kind, answer, fault):
    assert infrastructure_fault(kind.parse({"ended": "returned", **answer})) == fault


def test_judge_load_fix_that_scales_weights_is_degraded():
    saved, value = SaveFacts.parse(SAVE_FACTS), {**LOAD_FACTS, "resave_error": ERROR}
    for weights, equal in (([{**WEIGHT, "sha256": "bb"}], False), ([WEIGHT], True)):
        load = LoadObservation.parse({"ended": "returned", "value": {**value, "weights": weights}})
        verdict = judge_load(saved, "h5", load, TOLERANCE, rescaled=True)
        assert (verdict.status, verdict.weights_equal) == (Status.DEGRADED, equal)
        scaled = "the values of some weights (they are scaled, and the outputs are the same)"
        resave = "the ability to be saved again (ValueError)"
        assert verdict.lost == ((resave,) if equal else (scaled, resave))
        assert judge_load(saved, "h5", load, TOLERANCE).weights_equal is equal


REFUSAL = {"type": "InvalidArgumentError", "message": "indices[0] = 5 is not in [0, 3)"}


def raised_at(stage, save_changes):
    saved = SaveFacts.parse({**SAVE_FACTS, **save_changes})
    observation = LoadObservation.parse({"ended": "raised", "stage": stage, "error": REFUSAL})
    return judge_load(saved, "h5", observation, TOLERANCE)


EXPORTED = {"format": "onnx", "converter": "tf2onnx 1.17.0", "bytes": 1234}


def test_judge_load_exported_model_loses_no_training():
    verdict = judge({"exported": EXPORTED}, {"compiled": COMPILED})
    assert (verdict.status, verdict.lost, verdict.not_compared) == (Status.PASS, (), ())
    assert verdict.summary == "exported with the same outputs (1,234 bytes by tf2onnx 1.17.0)"


def test_judge_load_export_needs_more_is_degraded():
    verdict = judge({"exported": {**EXPORTED, "needs": "operations of TensorFlow"}})
    assert (verdict.status, verdict.lost) == (Status.DEGRADED, ("operations of TensorFlow",))
    assert "but needs operations of TensorFlow" in verdict.summary


def test_judge_load_export_computes_otherwise_is_drift():
    changes = {"exported": EXPORTED, "max_abs_diff": 1.0, "max_abs_reference": 1.0}
    assert judge(changes).status is Status.DRIFT


@pytest.mark.parametrize(
    ("stage", "kind", "status", "words"),
    [
        ("export", "AttributeError", Status.FAIL, "loads, but cannot be exported: AttributeError"),
        ("run", "RuntimeError", Status.FAIL, "the export cannot be run: RuntimeError"),
        ("export", "harness.exports.Unsupported", Status.UNSUPPORTED, "lacks an operation"),
        ("run", "harness.exports.Unsupported", Status.UNSUPPORTED, "lacks an operation"),
    ],
)
def test_judge_load_export_raises(stage, kind, status, words):
    error = {"type": kind, "message": "no such thing"}
    observation = LoadObservation.parse({"ended": "raised", "stage": stage, "error": error})
    verdict = judge_load(SaveFacts.parse(SAVE_FACTS), "h5", observation, TOLERANCE)
    assert verdict.status is status
    assert words in verdict.summary


def test_judge_load_reference_refused_is_not_comparable():
    verdict = judge({"max_abs_diff": None}, {"refused": REFUSAL})
    assert verdict.status is Status.NOT_COMPARABLE
    assert verdict.weights_equal
    assert verdict.summary == (
        "loads, same weights; outputs not compared: InvalidArgumentError: indices[0] = 5 is not "
        "in [0, 3) (give inputs that fit with --inputs)"
    )


def test_judge_load_reference_refused_lists_losses():
    verdict = judge({}, {"refused": REFUSAL, "compiled": COMPILED})
    assert verdict.status is Status.NOT_COMPARABLE
    assert verdict.lost == ("the compile state",)
    assert "but lost the compile state" in verdict.summary


def test_judge_load_reference_refused_and_other_weights_drift():
    other = [{**WEIGHT, "sha256": "bb"}]
    verdict = judge({"weights": other}, {"refused": REFUSAL})
    assert (verdict.status, verdict.summary) == (Status.DRIFT, "the weights are not the same")


def test_judge_load_call_refused_at_home_not_comparable():
    at_home = {"refused_at_home": REFUSAL}
    assert raised_at("call", at_home).status is Status.NOT_COMPARABLE
    # A load that fails is a failure, wherever the model can be called.
    assert raised_at("load", at_home).status is Status.FAIL
    assert raised_at("call", {}).status is Status.FAIL


def test_judge_load_no_compile_reference_lost_compile_state():
    verdict = judge({}, {"remedies": ("no-compile",)})
    assert verdict.lost == ("the compile state",)


def test_judge_load_error_in_user_code_names_its_line():
    where = 'File "x.py", line 3, in call'
    message = f"in user code:\n\n    {where}\n        run()\n\n    ValueError: too small\n"
    verdict = judge({}, {"refused": {"type": "ValueError", "message": message}})
    assert "not compared: ValueError: ValueError: too small" in verdict.summary


def deviating(diff, size, *, epsilon=1.2e-7, largest=None, dtypes=("float32", "float32")):
    """Return what is known of an output in which one element differs."""
    return {
        "dtypes": dtypes,
        "exact": diff == 0,
        "epsilon": epsilon,
        "corners": [[diff, size, 1]] if diff and epsilon else [],
        "max_abs_diff": diff,
        "max_abs_reference": size if largest is None else largest,
    }


@pytest.mark.parametrize(
    ("output", "status"),
    [
        # Beside a thousand, a hundredth is not allowed to become nine of them.
        (deviating(0.08, 0.01, largest=1000.0), Status.DRIFT),
        (deviating(1.09e-4, 1.0), Status.PASS),
        (deviating(1.2e-4, 1.0), Status.DRIFT),
        # The rounding of sums of numbers of a thousand.
        (deviating(5e-4, 1e-6, largest=1000.0), Status.PASS),
        (deviating(1e-5, 0.0), Status.PASS),
        (deviating(2e-5, 0.0), Status.DRIFT),
        (deviating(1.0, 3.0, epsilon=0.0, dtypes=("int64", "int64")), Status.DRIFT),
        (deviating(0.0, 3.0, epsilon=0.0, dtypes=("int64", "int64")), Status.PASS),
        (deviating(0.0, 3.0, dtypes=("float16", "float32")), Status.DRIFT),
    ],
)
def test_judge_load_allows_each_element_its_own_difference(output, status):
    assert judge({"deviations": [output]}).status is status


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("float32", Status.DRIFT),
        ("mixed_float16", Status.PASS),
        ({"class_name": "DTypePolicy", "config": {"name": "float16"}}, Status.PASS),
    ],
)
def test_judge_load_allows_the_rounding_of_a_narrow_type(policy, status):
    kept = layers(dtype=policy)
    off = {"deviations": [deviating(5e-4, 0.17, largest=0.97)]}
    assert judge({**kept, **off}, kept).status is status
    wrong = {"deviations": [deviating(5e-2, 0.17, largest=0.97)]}
    assert judge({**kept, **wrong}, kept).status is Status.DRIFT


def test_judge_load_names_the_output_that_drifts():
    verdict = judge({"deviations": [deviating(0.0, 1000.0), deviating(0.5, 1.0)]})
    assert verdict.status is Status.DRIFT
    assert verdict.summary.startswith("output 2: outputs differ by up to 0.5")
    assert "element 1" in verdict.summary


def test_judge_load_outputs_by_other_names_drift():
    verdict = judge({"structure": {"b": "*"}}, {"structure": {"a": "*"}})
    assert verdict.status is Status.DRIFT
    assert judge({"structure": "*"}, {"structure": ["*"]}).status is Status.PASS


def with_arguments(**arguments):
    return {"compiled": {**COMPILED, "arguments": {"loss": "mse", **arguments}}}


HUBER = {"class_name": "Huber", "config": {"delta": 0.5, "name": "huber"}}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"loss": HUBER}, {"loss": {"class_name": "Huber", "config": {"delta": 1.0}}},
         "the loss's delta (0.5 became 1.0)"),
        ({"loss": ["mse", HUBER]}, {"loss": ["mse", {"class_name": "Huber", "config": {}}]},
         "the loss's delta of output 1 (0.5 became unset)"),
        ({"loss": {"a": "mse", "b": "mae"}}, {"loss": {"a": "mse", "b": "mse"}},
         "the loss of output b (mae became mse)"),
        ({"loss_weights": [1.0, 0.5]}, {"loss_weights": None},
         "the loss weights ([1.0, 0.5] became None)"),
        ({"metrics": ["mae"]}, {"metrics": None}, "the metric mae"),
        ({"metrics": [{"class_name": "AUC", "config": {"num_thresholds": 50}}]},
         {"metrics": [[{"class_name": "AUC", "config": {"num_thresholds": 80}}]]},
         "the metric AUC's num_thresholds (50 became 80)"),
        ({"weighted_metrics": [["mse"]]}, {}, "the weighted metric mse"),
        ({"run_eagerly": True}, {}, "the compile argument run_eagerly (True became False)"),
    ],
)  # fmt: skip
def test_judge_load_names_the_lost_compile_argument(before, after, lost):
    verdict = judge(with_arguments(**after), with_arguments(**before))
    assert verdict.status is Status.DEGRADED
    assert verdict.lost == (lost,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"loss": "mse"}, {"loss": ["mean_squared_error"]}),
        ({"loss": ["mse", "mse"]}, {"loss": "mse"}),
        ({"loss_weights": None}, {"loss_weights": [1.0, 1.0]}),
        ({"loss_weights": [1.0, 0.5]}, {"loss_weights": {"a": 1, "b": 0.5}}),
        ({"metrics": ["mae", "mse"]}, {"metrics": [["mse", "mae"], ["mae"]]}),
        ({"metrics": None}, {"metrics": []}),
        (
            {"metrics": [{"class_name": "AUC", "config": {"name": "left_area"}}]},
            {"metrics": [{"class_name": "AUC", "config": {"name": "left_left_area"}}]},
        ),
    ],
)
def test_judge_load_accepts_other_spellings_of_arguments(before, after):
    assert judge(with_arguments(**after), with_arguments(**before)).status is Status.PASS


def layers(**changes):
    config = {"rate": 0.5, **changes}
    layer = {"path": ["drop"], "class": "Dropout", "trainable": True, "config": config}
    return {"layers": configuration.packed([layer])}


def test_judge_load_names_the_changed_layer_setting():
    verdict = judge(layers(rate=0.3), layers())
    assert verdict.lost == ("the rate of layer drop (0.5 became 0.3)",)
    assert judge(layers(seed=None), layers()).status is Status.PASS
    assert judge(layers(rate=0.3), layers(), form="weights").status is Status.DEGRADED


def test_judge_load_names_the_class_that_changed():
    other = {"path": ["drop"], "class": "Activation", "trainable": True, "config": {}}
    verdict = judge({"layers": configuration.packed([other])}, layers())
    assert verdict.lost == ("the class of layer drop (Dropout became Activation)",)


def test_judge_load_unreadable_settings_are_not_compared():
    unknown = {"path": ["drop"], "class": "Dropout", "trainable": True, "unknown": "it raises"}
    verdict = judge({"layers": configuration.packed([unknown])}, layers())
    assert verdict.status is Status.PASS
    assert verdict.not_compared == ("the settings of drop: it raises",)


STEP = {"evaluate": [["loss", 0.5]], "steps": [[0.01, 0.002]]}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"evaluate": [["loss", 0.6]], "steps": [[0.01, 0.002]]}, "evaluate() gives (loss: 0.5"),
        ({"evaluate": [["loss", 0.5]], "steps": [[0.02, 0.004]]}, "goes on training"),
        ({"evaluate": [["loss", 0.5]], "steps": [[0.01, -0.002]]}, "goes on training"),
        ({"not_compared": "ValueError: no", "raised": True}, "be trained (ValueError)"),
    ],
)
def test_judge_load_names_different_training(after, words):
    compiled = {"compiled": COMPILED}
    verdict = judge({**compiled, "training": after}, {**compiled, "training": STEP})
    assert verdict.status is Status.DEGRADED
    assert words in verdict.lost[0]
    again = judge({**compiled, "training": STEP}, {**compiled, "training": STEP})
    assert (again.status, again.not_compared) == (Status.PASS, ())


def test_judge_load_names_moments_of_other_weights():
    before = {**ADAM, "iterations": 3, "slots": ["m", "v"], "hyperparameters": {"beta_1": 0.9}}
    after = {**before, "slots": ["v", "m"], "hyperparameters": {"beta_1": 0.8}}
    other = {**STEP, "steps": [[0.02, 0.01]]}
    sides = [
        {"compiled": {"loss": "mse", "optimizer": each}, "training": steps}
        for each, steps in ((before, STEP), (after, other))
    ]
    changed, way = judge(sides[1], sides[0]).lost
    assert changed == "the optimizer's beta_1 (0.9 became 0.8)"
    assert way.startswith("the way it goes on training")


@pytest.mark.parametrize("side", [0, 1])
def test_judge_load_training_without_numbers_not_compared(side):
    compiled, without = {"compiled": COMPILED}, {"not_compared": "TensorFlow runs in graph mode"}
    sides = [{**compiled, "training": STEP}, {**compiled, "training": STEP}]
    sides[side]["training"] = without
    verdict = judge(sides[1], sides[0])
    assert verdict.status is Status.PASS
    assert verdict.not_compared == ("training: TensorFlow runs in graph mode",)


def test_judge_load_file_decides_and_not_the_reference():
    fresh = {**COMPILED, "optimizer": {**ADAM, "iterations": 0, "slots": []}}
    stored = {"slots": ["m", "v"], "iterations": 5, "config": {"loss": HUBER}}
    verdict = judge({"compiled": fresh}, {"compiled": fresh, "stored": stored})
    assert verdict.lost == ("the loss (Huber became mse)", "the optimizer state")
    trained = {**ADAM, "iterations": 5, "slots": ["m", "v", "more"]}
    whole = {"loss": "huber", "optimizer": trained, "arguments": {"loss": HUBER}}
    assert judge({"compiled": whole}, {"compiled": fresh, "stored": stored}).lost != ()
    assert judge({"compiled": whole}, {"compiled": whole, "stored": stored}).status is Status.PASS
    # Slots of zeros are slots that were lost, too.
    zeros = {**whole, "optimizer": {**trained, "slots": ["0", "0"]}}
    assert judge({"compiled": zeros}, {"compiled": whole, "stored": stored}).lost == (
        "the optimizer state",
    )


DECAY = {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 9}}


@pytest.mark.parametrize(
    ("held", "came_back", "lost"),
    [
        (DECAY, DECAY, ()),
        (DECAY, 0.001, ("the optimizer's learning_rate (CosineDecay became 0.001)",)),
        # As Keras 1 wrote an array.
        ({"type": "ndarray", "value": 0.25}, 0.25, ()),
        (
            {"type": "ndarray", "value": 0.25},
            0.5,
            ("the optimizer's learning_rate (0.25 became 0.5)",),
        ),
    ],
)
def test_judge_load_compares_every_rate_that_a_file_holds(held, came_back, lost):
    rate = {**ADAM, "hyperparameters": {"learning_rate": came_back}}
    compiled = {"compiled": {**COMPILED, "optimizer": rate}}
    config = {"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": held}}}
    assert judge(compiled, {**compiled, "stored": {"config": config}}).lost == lost


def test_judge_load_compiled_file_loaded_without_is_degraded():
    stored = {"config": {"loss": "mse"}}
    assert judge({}, {"stored": stored}).lost == ("the compile state",)


def test_judge_load_untrainable_file_lost_training():
    fails = {"evaluate": [["loss", 1.0]], "not_compared": "ValueError: Unknown", "raised": True}
    sides = {"compiled": COMPILED, "training": fails}
    stored = {"stored": {"config": {"loss": "mse"}}}
    assert judge(sides, {**sides, **stored}).lost == ("the ability to be trained (ValueError)",)
    # A scenario's own model could not be trained either.
    verdict = judge(sides, sides)
    assert (verdict.lost, verdict.not_compared) == ((), ("training: ValueError: Unknown",))
