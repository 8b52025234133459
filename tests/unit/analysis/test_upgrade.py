import pytest

from kerasmatrix.analysis.losses import accept_losses
from kerasmatrix.analysis.upgrade import examine
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell, make_results


def results_of(**statuses):
    """Return results of files by ``format=(at home, there)``."""
    cells = []
    for form, (home, there) in statuses.items():
        for loaded, status in (("tf2.1", home), ("tf2.2", there)):
            made = make_cell("first", form, "tf2.1", loaded, Status(status), message="words")
            cells.append(made)
    return make_results(environments=2).model_copy(update={"cells": tuple(cells)})


def ask(results, **options):
    return examine(results, "tf2.1", "tf2.2", **options)


@pytest.mark.parametrize(
    ("home", "there", "worse"),
    [
        ("pass", "pass", False),
        ("degraded", "degraded", False),  # lost at home already
        ("drift", "pass", False),
        ("pass", "degraded", True),
        ("pass", "drift", True),
        ("degraded", "fail", True),
        ("pass", "crash", True),
    ],
)
def test_examine_worse_than_at_home_is_a_reason(home, there, worse):
    assert bool(ask(results_of(h5=(home, there))).reasons) == worse


def test_examine_another_loss_is_worse():
    results = results_of(h5=("degraded", "degraded"))
    home, there = results.cells
    there = there.but(lost=("the optimizer state",))
    found = ask(results.model_copy(update={"cells": (home, there)}))
    assert [reason.status for reason in found.reasons] == [Status.DEGRADED]


def test_examine_failing_at_home_is_not_a_reason():
    found = ask(results_of(h5=("fail", "fail"), keras=("save-failed", "save-failed")))
    assert (found.files, found.reasons) == (0, ())


@pytest.mark.parametrize("there", ["unsupported", "infra", "not-run"])
def test_examine_unmeasured_is_unknown(there):
    found = ask(results_of(h5=("pass", there), keras=("pass", "pass")))
    assert (found.files, found.unknown, found.reasons) == (1, 1, ())


def test_possible_accepts_fixes_on_request():
    results = results_of(h5=("pass", "fail"))  # the factory's failures have one
    found = ask(results)
    assert found.reasons[0].remedy == "no-compile + rewrite-config"
    assert found.reasons[0].remedy_lost == ("the compile state",)
    assert not found.possible()
    assert not found.possible(accept_remedies=True)
    assert ask(accept_losses(results, ["compile-state"])).possible(accept_remedies=True)
    helpless = ask(results_of(h5=("pass", "crash")))
    assert not helpless.possible(accept_remedies=True)


def test_examine_can_be_limited():
    results = results_of(h5=("pass", "fail"), keras=("pass", "pass"))
    assert ask(results, formats=["keras"]).possible()
    assert not ask(results, formats=["h5"]).possible()
    assert ask(results, scenarios=["other"]).files == 0


def test_examine_worst_reason_comes_first():
    found = ask(results_of(h5=("pass", "degraded"), keras=("pass", "fail")))
    assert [reason.status for reason in found.reasons] == [Status.FAIL, Status.DEGRADED]


def test_examine_counts_files_compared_with_another_version():
    results = results_of(h5=("pass", "fail"))
    cells = tuple(cell.but(saved_with="tf1.15") for cell in results.cells)
    scenarios = tuple(
        scenario.model_copy(update={"file": "model.h5"}) for scenario in results.scenarios
    )
    found = ask(results.model_copy(update={"cells": cells, "scenarios": scenarios}))
    assert (found.files, len(found.reasons)) == (1, 1)
