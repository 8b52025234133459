"""Results of shards become those of the run, or are refused with the reason."""

import pytest

from kerasmatrix.analysis.merge import merge
from kerasmatrix.config.scenario import Claim, Scenario
from kerasmatrix.errors import UsageError
from kerasmatrix.results.cells import IN_ANOTHER_SHARD
from kerasmatrix.results.observations import Status
from tests.unit.report.factory import make_cell, make_results

CLAIM = Claim(says="it fails", status=(Status.FAIL,))
SCENARIOS = [
    Scenario(name="first", title="t", shows="s", claims=(CLAIM,)),
    Scenario(name="scenario2", title="t", shows="s"),
]
UNMEASURED = {Status.INFRA, Status.NOT_RUN}


def whole():
    """Results without causes that the catalogue does not have."""
    return make_results(environments=3, scenarios=2)


def shard(results, *scenarios, trouble=Status.NOT_RUN):
    """Return what a shard with these scenarios has of `results`."""
    cells = tuple(
        cell
        if cell.scenario in scenarios
        else make_cell(cell.scenario, cell.format, cell.saved_with, cell.loaded_with, trouble).but(
            summary=IN_ANOTHER_SHARD, save=None, load=None
        )
        for cell in results.cells
    )
    return results.model_copy(update={"cells": cells, "causes": (), "remedies": (), "claims": ()})


def change(results, number, **update):
    cells = list(results.cells)
    cells[number] = cells[number].but(**update)
    return results.model_copy(update={"cells": tuple(cells)})


def test_two_shards_make_the_whole_in_either_order():
    parts = {"a": shard(whole(), "first"), "b": shard(whole(), "scenario2")}
    merged = merge(parts, SCENARIOS, "kerasmatrix merge a b")
    assert merged.cells == whole().cells
    turned = merge(dict(reversed(parts.items())), SCENARIOS, "kerasmatrix merge a b")
    assert turned.cells == merged.cells
    assert merged.run.complete
    assert (merged.run.measured, merged.run.known) == (20, 4)
    assert merged.run.command == "kerasmatrix merge a b"


def test_what_is_counted_is_counted_anew():
    parts = {"a": shard(whole(), "first"), "b": shard(whole(), "scenario2")}
    merged = merge(parts, SCENARIOS, "")
    failing = sum(cell.status in {Status.FAIL, Status.SAVE_FAILED} for cell in whole().cells)
    assert [(cause.slug, cause.cells) for cause in merged.causes] == [
        ("unknown-functional", failing)
    ]
    assert "rewrite-config" in [remedy.id for remedy in merged.remedies]
    (claim,) = merged.claims
    assert claim.confirmed == sum(
        cell.status is Status.FAIL and cell.scenario == "first" for cell in whole().cells
    )


def test_a_shard_that_is_missing_leaves_the_run_incomplete():
    merged = merge({"a": shard(whole(), "first")}, SCENARIOS, "")
    assert not merged.run.complete
    assert merged.cells[-1].status is Status.NOT_RUN


def test_a_shard_that_was_cut_off_leaves_the_run_incomplete():
    cut = shard(whole(), "first")
    cut = cut.model_copy(update={"run": cut.run.model_copy(update={"complete": False})})
    assert not merge({"a": cut, "b": shard(whole(), "scenario2")}, SCENARIOS, "").run.complete


def test_a_measured_cell_outdoes_infra_which_outdoes_not_run():
    first, infra = shard(whole(), "first"), shard(whole(), "first", trouble=Status.INFRA)
    number = len(whole().cells) - 1
    for parts in ({"a": first, "b": infra}, {"a": infra, "b": first}):
        assert merge(parts, SCENARIOS, "").cells[number].status is Status.INFRA
    measured = [n for n, c in enumerate(whole().cells) if c.status not in UNMEASURED]
    for parts in ({"a": infra, "b": whole()}, {"a": whole(), "b": infra}):
        cells = merge(parts, SCENARIOS, "").cells
        assert [cells[n] for n in measured] == [whole().cells[n] for n in measured]


def test_overlapping_results_that_agree_are_merged():
    assert merge({"a": whole(), "b": whole()}, SCENARIOS, "").cells == whole().cells


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"status": Status.DRIFT}, "pass in a, drift in b"),
        ({"cause": "unknown-layer"}, "pass in a, pass (unknown-layer) in b"),
    ],
)
def test_cells_that_contradict_each_other_are_refused_by_name(update, said):
    assert whole().cells[0].status is Status.PASS
    with pytest.raises(UsageError) as caught:
        merge({"a": whole(), "b": change(whole(), 0, **update)}, SCENARIOS, "")
    assert "contradict each other in 1 cells" in caught.value.message
    assert f"first / h5 / tf2.1 / tf2.1: {said}" in caught.value.message


def test_of_many_contradictions_some_are_named_and_the_rest_is_counted():
    other = whole().model_copy(
        update={"cells": tuple(cell.but(status=Status.CRASH, cause="x") for cell in whole().cells)}
    )
    with pytest.raises(UsageError) as caught:
        merge({"a": whole(), "b": other}, SCENARIOS, "")
    assert caught.value.message.count(" in a, ") == 10
    assert "more" in caught.value.message


def changed_environment(**update):
    results = whole()
    first, *rest = results.environments
    return results.model_copy(update={"environments": (first.model_copy(update=update), *rest)})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (changed_environment(lock="cd" * 32), "b: environment 'tf2.1' has another lock than in a"),
        (changed_environment(python="3.9"), "b: environment 'tf2.1' has another python"),
        (changed_environment(variables={"A": "1"}), "has another variables"),
        (changed_environment(name="tf9"), "b: is about other environments than a: tf9, tf2.2"),
        (make_results(environments=2, scenarios=2), "b: is about other environments"),
        (make_results(environments=3), "b: is about other scenarios than a: first, there first, "),
        (whole().model_copy(update={"formats": ("h5",)}), "b: is about other formats"),
        (whole().model_copy(update={"cells": ()}), "b: is about other cells"),
        (change(whole(), 0, format="weights"), "b: has other cells than a"),
        (whole().model_copy(update={"run": whole().run.model_copy(update={"engine": "docker"})}),
         "b: is about other engine than a: docker, there fake"),
    ],
)  # fmt: skip
def test_results_of_another_matrix_are_refused(other, message):
    with pytest.raises(UsageError) as caught:
        merge({"a": whole(), "b": other}, SCENARIOS, "")
    assert message in caught.value.message
    assert caught.value.hint
