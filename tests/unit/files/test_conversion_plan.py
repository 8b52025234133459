from kerasmatrix.execution.bridges import Hop
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.files.conversion_plan import ConversionPlan, conversion_plans
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.schema import RemedyResult

CELL = Cell("s", "h5", "tf2.4", "tf2.21")


def plans(*remedies, chain=(), status="verified"):
    attempt = Attempt(remedies, None, chain)
    result = RemedyResult(id=" + ".join(remedies), status=status, summary="", seconds=1.0)
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
