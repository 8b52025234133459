import pytest

from kerasmatrix.harness import configuration
from kerasmatrix.results.observations import (
    LoadObservation,
    SaveFacts,
    SaveObservation,
    Status,
    infrastructure_fault,
    judge_load,
    judge_save,
)
from kerasmatrix.results.tolerance import Tolerance
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
    saved = SaveFacts.model_validate({**SAVE_FACTS, **(save_changes or {})})
    facts = {**LOAD_FACTS, **(load_changes or {})}
    observation = LoadObservation.model_validate({"ended": "returned", "value": facts})
    return judge_load(saved, form, observation, TOLERANCE)


def compiled_after(**changes):
    optimizer = {**ADAM, **changes}
    return judge(
        {"compiled": {"loss": "mean_squared_error", "optimizer": optimizer}},
        {"compiled": COMPILED},
    )


def test_same_weights_and_outputs_pass():
    verdict = judge()
    assert verdict.status is Status.PASS
    assert verdict.weights_equal is True


@pytest.mark.parametrize(("diff", "status"), [(1.09e-4, Status.PASS), (1.11e-4, Status.DRIFT)])
def test_the_tolerance_is_absolute_plus_relative_to_the_largest_output(diff, status):
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
def test_other_numbers_are_drift(change):
    assert judge(change).status is Status.DRIFT


def test_a_weight_may_have_another_name_and_place():
    other = {**WEIGHT, "sha256": "cc"}
    verdict = judge(
        {"weights": [{**other, "name": "b:0"}, {**WEIGHT, "name": "a:0"}]},
        {"weights": [WEIGHT, other]},
    )
    assert verdict.status is Status.PASS


def test_a_model_that_cannot_be_saved_again_is_degraded():
    verdict = judge({"resave_error": ERROR})
    assert verdict.status is Status.DEGRADED
    assert "saved again (ValueError)" in verdict.summary


def test_an_inference_only_layer_is_degraded():
    assert judge({"model": "TFSMLayer"}, form="savedmodel").status is Status.DEGRADED


def test_a_graph_that_came_back_without_weights_but_with_its_numbers_is_degraded():
    verdict = judge({"weights": []}, form="savedmodel")
    assert verdict.status is Status.DEGRADED
    assert verdict.weights_equal is False
    assert "without layers or weights" in verdict.summary
    assert judge({"weights": [], "max_abs_diff": 0.5}).status is Status.DRIFT


def test_a_lost_compile_state_is_degraded_but_weights_never_promised_one():
    assert judge({}, {"compiled": COMPILED}).lost == ("the compile state",)
    assert judge({}, {"compiled": COMPILED}, form="weights").status is Status.PASS


def test_a_loss_may_be_called_by_its_other_name():
    assert compiled_after().status is Status.PASS


def test_a_learning_rate_that_was_reset_is_degraded():
    verdict = compiled_after(hyperparameters={"learning_rate": 0.001})
    assert verdict.status is Status.DEGRADED
    assert verdict.lost == ("the optimizer's learning_rate (0.007 became 0.001)",)


def test_lr_is_the_old_name_of_learning_rate():
    assert compiled_after(hyperparameters={"lr": 0.007}).status is Status.PASS
    assert compiled_after(hyperparameters={"lr": 0.001}).status is Status.DEGRADED


def test_float32_rounding_is_not_another_learning_rate():
    assert compiled_after(hyperparameters={"learning_rate": 0.0070000002160668373}).status is (
        Status.PASS
    )


def test_another_optimizer_is_degraded():
    assert compiled_after(name="SGD").lost == ("the optimizer (Adam became SGD)",)


def test_a_file_with_state_that_no_version_brings_back_has_lost_it():
    fresh = {**COMPILED, "optimizer": {**ADAM, "iterations": 0, "slots": []}}
    saved = SaveFacts.model_validate({**SAVE_FACTS, "compiled": fresh})

    def judged(optimizer, *, trained):
        compiled = {"loss": "mse", "optimizer": {**ADAM, **optimizer}}
        value = {**LOAD_FACTS, "compiled": compiled}
        load = LoadObservation.model_validate({"ended": "returned", "value": value})
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
def test_optimizer_state_counts_once_there_is_some(after, lost):
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
def test_a_failed_load_says_what_happened_and_not_what_keras_put_around_it(message, summary):
    error = {"type": "TypeError", "message": message}
    load = LoadObservation.model_validate({"ended": "raised", "error": error, "stage": "load"})
    verdict = judge_load(SaveFacts.model_validate(SAVE_FACTS), "keras", load, TOLERANCE)
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
def test_how_a_load_ended_is_told_apart(observation, status, words):
    saved = SaveFacts.model_validate(SAVE_FACTS)
    load = LoadObservation.model_validate(observation)
    verdict = judge_load(saved, "h5", load, TOLERANCE)
    assert verdict.status is status
    assert words in verdict.summary


def test_a_save_without_artifact_is_a_failed_save():
    good = {"ended": "returned", "value": SAVE_FACTS, "artifact": "ab"}
    assert judge_save(SaveObservation.model_validate(good)) is None
    bad = judge_save(SaveObservation.model_validate({**good, "artifact": None}))
    assert bad.status is Status.SAVE_FAILED


def test_a_full_disk_is_never_an_incompatibility():
    link = {"type": "OSError", "message": "[Errno 28] No space left on device"}
    error = {"type": "KeyError", "message": "x", "chain": [{"type": "KeyError", "message": "x"},
                                                            link]}  # fmt: skip
    observation = LoadObservation.model_validate({"ended": "raised", "error": error})
    assert "No space left" in infrastructure_fault(observation)
    plain = LoadObservation.model_validate({"ended": "raised", "error": ERROR})
    assert infrastructure_fault(plain) is None


REFUSAL = {"type": "InvalidArgumentError", "message": "indices[0] = 5 is not in [0, 3)"}


def raised_at(stage, save_changes):
    saved = SaveFacts.model_validate({**SAVE_FACTS, **save_changes})
    observation = LoadObservation.model_validate(
        {"ended": "raised", "stage": stage, "error": REFUSAL}
    )
    return judge_load(saved, "h5", observation, TOLERANCE)


def test_judge_load_reference_refused_is_not_comparable():
    verdict = judge({"max_abs_diff": None}, {"refused": REFUSAL})
    assert verdict.status is Status.NOT_COMPARABLE
    assert verdict.weights_equal
    assert verdict.summary == (
        "loads, same weights; outputs not compared: InvalidArgumentError: indices[0] = 5 is not "
        "in [0, 3) (give inputs that fit with --inputs)"
    )


def test_judge_load_reference_refused_says_what_was_lost():
    verdict = judge({}, {"refused": REFUSAL, "compiled": COMPILED})
    assert verdict.status is Status.NOT_COMPARABLE
    assert verdict.lost == ("the compile state",)
    assert "but lost the compile state" in verdict.summary


def test_judge_load_reference_refused_and_other_weights_drift():
    other = [{**WEIGHT, "sha256": "bb"}]
    verdict = judge({"weights": other}, {"refused": REFUSAL})
    assert (verdict.status, verdict.summary) == (Status.DRIFT, "the weights are not the same")


def test_judge_load_call_refused_at_home_too_is_not_comparable():
    at_home = {"refused_at_home": REFUSAL}
    assert raised_at("call", at_home).status is Status.NOT_COMPARABLE
    # A load that fails is a failure, wherever the model can be called.
    assert raised_at("load", at_home).status is Status.FAIL
    assert raised_at("call", {}).status is Status.FAIL


def test_judge_load_reference_by_no_compile_names_the_compile_state():
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
def test_judge_load_names_the_compile_argument_that_is_lost(before, after, lost):
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
def test_judge_load_lets_compile_arguments_be_spelled_otherwise(before, after):
    assert judge(with_arguments(**after), with_arguments(**before)).status is Status.PASS


def layers(**changes):
    config = {"rate": 0.5, **changes}
    layer = {"path": ["drop"], "class": "Dropout", "trainable": True, "config": config}
    return {"layers": configuration.packed([layer])}


def test_judge_load_names_the_setting_of_a_layer_that_changed():
    verdict = judge(layers(rate=0.3), layers())
    assert verdict.lost == ("the rate of layer drop (0.5 became 0.3)",)
    assert judge(layers(seed=None), layers()).status is Status.PASS
    assert judge(layers(rate=0.3), layers(), form="weights").status is Status.DEGRADED


def test_judge_load_settings_that_cannot_be_read_are_not_compared():
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
def test_judge_load_names_training_that_goes_another_way(after, words):
    compiled = {"compiled": COMPILED}
    verdict = judge({**compiled, "training": after}, {**compiled, "training": STEP})
    assert verdict.status is Status.DEGRADED
    assert words in verdict.lost[0]
    again = judge({**compiled, "training": STEP}, {**compiled, "training": STEP})
    assert (again.status, again.not_compared) == (Status.PASS, ())


def test_judge_load_names_moments_that_went_to_other_weights():
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
def test_judge_load_training_without_numbers_is_said_not_to_be_compared(side):
    compiled, without = {"compiled": COMPILED}, {"not_compared": "TensorFlow runs in graph mode"}
    sides = [{**compiled, "training": STEP}, {**compiled, "training": STEP}]
    sides[side]["training"] = without
    verdict = judge(sides[1], sides[0])
    assert verdict.status is Status.PASS
    assert verdict.not_compared == ("training: TensorFlow runs in graph mode",)


def test_judge_load_what_the_file_holds_decides_and_not_the_reference():
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


def test_judge_load_a_file_that_was_compiled_and_comes_back_without_is_degraded():
    stored = {"config": {"loss": "mse"}}
    assert judge({}, {"stored": stored}).lost == ("the compile state",)


def test_judge_load_a_file_that_no_version_can_train_has_lost_that():
    fails = {"evaluate": [["loss", 1.0]], "not_compared": "ValueError: Unknown", "raised": True}
    sides = {"compiled": COMPILED, "training": fails}
    stored = {"stored": {"config": {"loss": "mse"}}}
    assert judge(sides, {**sides, **stored}).lost == ("the ability to be trained (ValueError)",)
    # A scenario's own model could not be trained either.
    verdict = judge(sides, sides)
    assert (verdict.lost, verdict.not_compared) == ((), ("training: ValueError: Unknown",))
