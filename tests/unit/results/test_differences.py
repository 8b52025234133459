"""A verdict compares a loaded model with the saved one, one fact at a time."""

import pytest

from kerasmatrix.harness import configuration
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LOST, LoadObservation, SaveFacts
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import compared_facts, judge_load
from tests.unit.behaviours import ERROR, LOAD_FACTS, REFUSAL, SAVE_FACTS, WEIGHT

TOLERANCE = Tolerance(absolute=1e-5, relative=1e-4)
ADAM = {"name": "Adam", "hyperparameters": {"learning_rate": 0.007}, "iterations": 0, "slots": []}
COMPILED = {"compiled": {"loss": "mse", "optimizer": ADAM}}
OTHER = {**WEIGHT, "sha256": "bb"}
EPSILON = 1.2e-7


def judge(loaded=None, saved=None, form="h5"):
    facts = SaveFacts.parse({**SAVE_FACTS, **(saved or {})})
    value = {**LOAD_FACTS, **(loaded or {})}
    load = LoadObservation.parse({"ended": "returned", "value": value})
    return judge_load(facts, form, load, TOLERANCE)


def ended(**how):
    load = LoadObservation.parse({"ended": "crashed", **how})
    return judge_load(SaveFacts.parse(SAVE_FACTS), "h5", load, TOLERANCE).summary


@pytest.mark.parametrize(
    ("loaded", "saved", "summary"),
    [
        ({}, {}, "same weights, same outputs"),
        ({"shapes_equal": False}, {}, "the outputs have other shapes"),
        ({"finite": False}, {},
         "NaN or infinity where the saved model had numbers, or the reverse"),
        ({"weights": [OTHER]}, {}, "the weights are not the same"),
        ({"max_abs_diff": 0.5}, {}, "outputs differ by up to 0.5 (allowed 0.00011)"),
        ({"model": "TFSMLayer"}, {}, ("loads and predicts, but lost the architecture "
         "(an inference-only layer came back)")),
        ({"weights": []}, {}, ("loads and predicts, but lost the architecture "
         "(a model without layers or weights came back)")),
        ({"resave_error": ERROR}, COMPILED, ("loads and predicts, but lost the ability to be saved "
         "again (ValueError); the compile state")),
        ({"weights": []}, {"refused": REFUSAL, "weights": []}, ("loads, without weights to compare"
         "; outputs not compared: InvalidArgumentError: only supports NHWC "
         "(give inputs that fit with --inputs)")),
    ],
)  # fmt: skip
def test_judge_load_summary_says_what_differs(loaded, saved, summary):
    assert judge(loaded, saved).summary == summary


@pytest.mark.parametrize(
    ("how", "summary"),
    [
        ({"ended": "timed-out"}, "no answer in time"),
        ({"ended": "timed-out", "deadline": 2.5}, "no answer within 2.5 s"),
        ({"stage": LOST, "log": "\nkilled\nmore"}, "ended one worker after the other: killed"),
        ({"stage": LOST}, "ended one worker after the other: it was lost"),
        ({"signal": 11}, "killed by signal 11"),
        ({"exit_code": 3}, "the process left with exit code 3"),
        ({}, "the process gave no understandable answer"),
    ],
)
def test_judge_load_without_an_error_says_how_it_ended(how, summary):
    assert ended(**how) == summary


@pytest.mark.parametrize(
    ("kind", "message", "line"),
    [
        ("ValueError", "in user code:\n\n  one\n  two\n  three", "ValueError: three"),
        ("harness.protocol.Refusal", "A sentence.\nMore.", "A sentence."),
        ("ValueError", "first\nsecond", "ValueError: first"),
        ("ValueError", " \n", "ValueError"),
    ],
)
def test_judge_load_error_is_one_line(kind, message, line):
    error = {"type": kind, "message": message}
    assert ended(ended="raised", stage="load", error=error) == line


def test_judge_load_refused_at_home_says_so():
    load = LoadObservation.parse({"ended": "raised", "stage": "call", "error": REFUSAL})
    saved = SaveFacts.parse({**SAVE_FACTS, "refused_at_home": REFUSAL})
    assert judge_load(saved, "h5", load, TOLERANCE).summary == (
        "loads, but cannot be called, nor could it where it was saved: "
        "InvalidArgumentError: only supports NHWC"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [OTHER]},
        {"weights": []},
        {"structure": {"b": "*", "a": "*"}},
        {"refused": REFUSAL},
        {"refused_at_home": REFUSAL},
        {"remedies": ("no-compile",)},
        COMPILED,
    ],
    ids=lambda change: next(iter(change)),
)
def test_compared_facts_change_with_what_decides(change):
    before = compared_facts(SaveFacts.parse(SAVE_FACTS), "h5")
    after = compared_facts(SaveFacts.parse({**SAVE_FACTS, **change}), "h5")
    assert hash(before) != hash(after)
    assert before != after


def test_compared_facts_tell_vocabularies_from_no_weights():
    """Vocabularies are not compared, but a model that has nothing else has weights."""
    facts = [SaveFacts.parse({**SAVE_FACTS, "weights": weights})
             for weights in ([{**WEIGHT, "dtype": "<U8"}], [])]  # fmt: skip
    assert compared_facts(facts[0], "h5") != compared_facts(facts[1], "h5")


def test_compared_facts_of_weights_ignore_the_compile_state():
    """The code that builds the model compiles it."""
    plain, compiled = (SaveFacts.parse({**SAVE_FACTS, **each}) for each in ({}, COMPILED))
    assert compared_facts(plain, "weights") == compared_facts(compiled, "weights")


def test_compared_facts_ignore_order_arguments_and_names():
    one = {**SAVE_FACTS, **COMPILED, "structure": {"a": "*", "b": "*"}}
    argued = {"compiled": {**COMPILED["compiled"], "arguments": {"loss": "mse"}}}
    two = {**one, **argued, "structure": {"b": "*", "a": "*"}, "timings": {"save": 1.0},
           "weights": [{**WEIGHT, "name": "other"}]}  # fmt: skip
    assert compared_facts(SaveFacts.parse(one), "h5") == compared_facts(SaveFacts.parse(two), "h5")


def output(*corners, dtypes=("float32", "float32"), epsilon=EPSILON, exact=False, largest=1.0):
    return {
        "dtypes": dtypes, "exact": exact, "epsilon": epsilon, "corners": [list(c) for c in corners],
        "max_abs_diff": 0.0, "max_abs_reference": largest,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outputs", "summary"),
    [
        # The element that is the farthest beyond what it may differ, not the largest difference.
        ([output((0.5, 1e6, 1), (0.2, 1.0, 7))],
         "outputs differ by up to 0.2 (allowed 0.00011), where the reference is 1 (element 7)"),
        ([output((0.2, 1.0, 7), (0.5, 1e6, 1))],
         "outputs differ by up to 0.2 (allowed 0.00011), where the reference is 1 (element 7)"),
        ([output(epsilon=0.0)], "outputs differ, and are not floating-point numbers"),
        ([output(exact=True, dtypes=("float16", "float32"))],
         "the outputs are float16, and were float32"),
        ([output(epsilon=0.0), output(epsilon=0.0)],
         ("output 1: outputs differ, and are not floating-point numbers; "
         "output 2: outputs differ, and are not floating-point numbers")),
    ],
)  # fmt: skip
def test_judge_load_output_that_differs_is_described(outputs, summary):
    verdict = judge({"deviations": outputs})
    assert (verdict.status, verdict.summary) == (Status.DRIFT, summary)


@pytest.mark.parametrize("kind", ["<U3", ">U3", "|S3", "|O", "object"])
def test_judge_load_text_may_have_another_width(kind):
    same = judge({"deviations": [output(dtypes=(kind, "<U8"), epsilon=0.0, exact=True)]})
    assert same.status is Status.PASS
    for dtypes in ((kind, "float32"), ("float32", kind)):
        other = judge({"deviations": [output(dtypes=dtypes, epsilon=0.0, exact=True)]})
        assert other.status is Status.DRIFT


@pytest.mark.parametrize(
    ("largest", "allowed", "status"),
    [
        (None, 1e-5, Status.PASS), (None, 1.1e-5, Status.DRIFT), (10.0, 1.01e-3, Status.PASS),
        (10.0, 1.02e-3, Status.DRIFT),
    ],
)  # fmt: skip
def test_judge_load_without_detail_uses_the_largest(largest, allowed, status):
    verdict = judge({"max_abs_diff": allowed, "max_abs_reference": largest})
    assert verdict.status is status


@pytest.mark.parametrize(
    ("before", "after", "summary"),
    [
        ({"a": "*"}, {"b": "*"}, "the outputs are arranged as {b: *}, and were as {a: *}"),
        (["*", "*"], "*", "the outputs are arranged as *, and were as [*, *]"),
        ({"a": ["*", "*"]}, {"a": "*"},
         "the outputs are arranged as {a: *}, and were as {a: [*, *]}"),
    ],
)  # fmt: skip
def test_judge_load_other_arrangement_is_drift(before, after, summary):
    verdict = judge({"structure": after}, {"structure": before})
    assert (verdict.status, verdict.summary) == (Status.DRIFT, summary)


@pytest.mark.parametrize(
    ("before", "after"), [(None, {"a": "*"}), ({"a": "*"}, None), ({"a": ["*"]}, {"a": "*"})]
)
def test_judge_load_same_or_unknown_arrangement_passes(before, after):
    assert judge({"structure": after}, {"structure": before}).status is Status.PASS


def trained(evaluate=(("loss", 1.0),), steps=((0.1, 0.05),), **more):
    return {**COMPILED, "training": {"evaluate": evaluate, "steps": steps, **more}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        # Numbers behind names are those of some releases.
        ({"evaluate": [["accuracy", 0.5]]}, {"evaluate": [["accuracy_1", 0.5]]}),
        ({"evaluate": [["loss", 2.0]]}, {"evaluate": [["loss", 2.0019]]}),
        ({"evaluate": [["loss", 1.0], ["mae", 2.0]]}, {"evaluate": [["loss", 1.0]]}),
        ({"steps": [[0.1, 0.05]]}, {"steps": [[0.1009, 0.0509]]}),
        # A hundredth of the largest step, in tenths, is rounding in a small one.
        ({"steps": [[0.1, 0.0], [0.001, 0.0005]]}, {"steps": [[0.1, 0.0], [0.00109, 0.00041]]}),
        ({"steps": []}, {"steps": []}),
    ],
)
def test_judge_load_training_within_rounding_passes(before, after):
    assert judge(trained(**after), trained(**before)).lost == ()


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({"evaluate": [["loss", 2.0]]}, {"evaluate": [["loss", 2.0021]]},
         "what evaluate() gives (loss: 2 became 2.0021)"),
        ({"evaluate": [["accuracy", 0.5]]}, {"evaluate": [["accuracy_1", 0.9]]},
         "what evaluate() gives (accuracy: 0.5 became 0.9)"),
        ({"evaluate": [["accuracy_2", 0.5]]}, {"evaluate": [["accuracy", 0.9]]},
         "what evaluate() gives (accuracy: 0.5 became 0.9)"),
        ({"steps": [[0.1, 0.0], [0.001, 0.0005]]}, {"steps": [[0.1, 0.0], [0.0015, 0.0005]]},
         "the way it goes on training"),
        ({"steps": [[0.1, 0.05]]}, {"steps": [[0.102, 0.05]]}, "the way it goes on training"),
        ({"steps": [[0.1, 0.05]]}, {"steps": [[0.1, 0.053]]}, "the way it goes on training"),
        ({"steps": [[0.1, 0.05]]}, {"steps": [[0.1, -0.05]]}, "the way it goes on training"),
        ({"steps": [[0.1, 0.1], [0.2, 0.1]]}, {"steps": [[0.1, 0.1]]},
         "the way it goes on training"),
        ({}, {"raised": True, "not_compared": "KeyError: 'a:b'"},
         "the ability to be trained (KeyError)"),
    ],
)  # fmt: skip
def test_judge_load_other_training_is_lost(before, after, lost):
    (found,) = judge(trained(**after), trained(**before)).lost
    assert found.startswith(lost)


def test_judge_load_steps_are_matched_by_weight():
    steps = [[0.1, 0.0], [0.9, 0.0]]
    saved = {**trained(steps=steps), "weights": [WEIGHT, OTHER]}
    swapped = {**trained(steps=steps[::-1]), "weights": [OTHER, WEIGHT]}
    assert judge(swapped, saved).status is Status.PASS
    wrong = {**trained(steps=steps), "weights": [OTHER, WEIGHT]}
    assert judge(wrong, saved).status is Status.DEGRADED


@pytest.mark.parametrize(("saved", "loaded"), [(trained(), COMPILED), (COMPILED, trained())])
def test_judge_load_training_of_one_side_is_not_judged(saved, loaded):
    verdict = judge(loaded, saved)
    assert (verdict.status, verdict.not_compared) == (Status.PASS, ())


def test_judge_load_training_that_was_not_compared_is_listed():
    saved = trained(not_compared="it has no loss")
    assert judge(trained(), saved).not_compared == ("training: it has no loss",)
    loaded = trained(not_compared="it takes too long")
    assert judge(loaded, trained()).not_compared == ("training: it takes too long",)
    assert judge(loaded, trained(), form="weights").not_compared == ()
    uncompiled = {**loaded, "compiled": None}
    assert judge(uncompiled, trained()).not_compared == ()


def test_judge_load_lost_loss_explains_other_numbers():
    compiled = {"loss": "mae", "optimizer": ADAM}
    loaded = {**trained(evaluate=[["loss", 9.0]], steps=[[0.5, 0.5]]), "compiled": compiled}
    assert judge(loaded, trained()).lost == ("the loss (mse became mae)",)


def with_layers(text):
    return {"layers": configuration.packed([{**LAYER, "unknown": text}]) if text else None}


LAYER = {"path": ["drop"], "class": "Dropout", "trainable": True}
TOO_MANY = "the settings of the layers: there are too many of them"


@pytest.mark.parametrize(
    ("saved", "loaded", "reasons"),
    [
        ("it raises", "it raises", ("the settings of drop: it raises",)),
        ("it raises", None, (TOO_MANY,)),
        (None, "it raises", (TOO_MANY,)),
        (None, None, ()),
    ],
)
def test_judge_load_settings_that_were_not_compared(saved, loaded, reasons):
    assert judge(with_layers(loaded), with_layers(saved)).not_compared == reasons
    # A graph has no layers to compare.
    graph = {**with_layers(loaded), "model": "TFSMLayer"}
    assert judge(graph, with_layers(saved)).not_compared == ()


def test_judge_load_training_of_more_steps_than_weights():
    """Their digests are unknown: they are compared with one another."""
    steps = [[0.1, 0.0], [0.9, 0.0], [0.5, 0.0]]
    assert judge(trained(steps=[steps[0], *steps[:0:-1]]), trained(steps=steps)).lost == ()
    (lost,) = judge(trained(steps=steps[1:] + steps[:1]), trained(steps=steps)).lost
    assert lost.startswith("the way it goes on training (a step moves weights by 0.9")
