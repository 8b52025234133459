import pytest

from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.files.conversion_plan import ConversionPlan, conversion_plans
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.schema import RemedyResult

CELL = Cell("s", "h5", "tf2.4", "tf2.21")


def plans(*remedies, chain=(), status="verified", lost=()):
    attempt = Attempt(remedies, None, chain)
    name = " + ".join(remedies)
    result = RemedyResult(id=name, status=status, summary="", seconds=1.0, lost=lost)
    return conversion_plans(CELL, Status.FAIL, [(attempt, result)], "h5")


def test_conversion_plans_rewritten_file_comes_first():
    first, second = plans("rewrite-config")
    assert first.chain == (Hop("tf2.21", "h5", ("rewrite-config",), saved=False),)
    assert second.chain == (Hop("tf2.21", "h5", ("rewrite-config",)),)


def test_conversion_plans_scale_where_a_function_is_passed():
    scaled = ("rewrite-config", "scale-gates")
    found = plans("same-function", "rewrite-config")
    assert ConversionPlan(scaled, (Hop("tf2.21", "h5", scaled),)) in found


def test_conversion_plans_without_a_verified_fix_are_none():
    assert plans("rewrite-config", status="failed") == []


def test_conversion_plans_restore_the_compile_state_that_is_lost():
    compiled = ("rewrite-config", "no-compile")
    plan = ConversionPlan(compiled, (Hop("tf2.21", "h5", compiled),))
    assert plan in plans("rewrite-config", lost=("the optimizer state",))
    assert plan not in plans("rewrite-config")


def test_conversion_plans_after_a_bridge_compile_in_the_target():
    bridge = (Hop("tf2.15", "h5"),)
    plan = ConversionPlan(("bridge", "no-compile"), (*bridge, Hop("tf2.21", "h5", ("no-compile",))))
    assert plan in plans("bridge", chain=bridge, lost=("the optimizer state",))


def test_conversion_plans_end_a_bridge_in_the_wanted_format():
    bridge = (Hop("tf2.15", "keras"), Hop("tf2.21", "keras", ("stand-ins",)))
    found = plans("bridge", chain=bridge)
    saved = (bridge[0], Hop("tf2.21", "h5", ("stand-ins",)))
    compiled = (bridge[0], Hop("tf2.21", "h5", ("stand-ins", "no-compile")))
    assert found[:2] == [
        ConversionPlan(("bridge",), saved),
        ConversionPlan(("bridge", "no-compile"), compiled),
    ]


def test_conversion_plans_of_a_file_that_loses_its_state():
    (plain, compiled) = conversion_plans(CELL, Status.DEGRADED, [], "keras")
    assert plain.remedies == ()
    assert compiled.chain == (Hop("tf2.21", "keras", ("no-compile",)),)


@pytest.mark.parametrize("fix", ["tfsm-layer", "saved-model-load"])
def test_conversion_plans_never_save_what_is_only_called(fix):
    assert [plan.remedies for plan in plans(fix)] == [("saved-function",)]
