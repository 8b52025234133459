"""Whatever a worker answers becomes an observation within limits, and a report that can be read."""

import contextlib
import copy
import datetime
import json
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from kerasmatrix.cli import main
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.fix_attempts import Attempt
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.report.csv_parquet import csv_parts
from kerasmatrix.report.html import render_html
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.results.answers import parse_answer
from kerasmatrix.results.bounds import CHAIN_CHARACTERS, LONGEST_LINE, MOST_WEIGHTS, cut, plain
from kerasmatrix.results.cells import Cell, Save, Status
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    ProbeObservation,
    SaveFacts,
    SaveObservation,
)
from kerasmatrix.results.results_json import read_results, to_json
from kerasmatrix.results.schema import RunInfo
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import judge_load
from kerasmatrix.store.store import Store
from tests.unit.fakes import ERROR, LOAD_FACTS, SAVE_FACTS, WEIGHT, FakeWorker
from tests.unit.plans import make_plan

COMPILED = {
    "loss": "mse",
    "optimizer": {
        "name": "adam",
        "hyperparameters": {"lr": 0.001, "clipnorm": None},
        "iterations": 1,
        "slots": ["ab"],
        "unreadable": None,
    },
}
RETURNED = {
    "ended": "returned",
    "value": {**LOAD_FACTS, "compiled": COMPILED, "timings": {"load": 0.5}, "did": ["this"]},
    "error": None,
    "stage": None,
    "exit_code": None,
    "signal": None,
    "seconds": 0.5,
    "peak_memory_mb": 100.0,
    "log": "printed",
}
RAISED = {**RETURNED, "ended": "raised", "value": None, "error": ERROR, "stage": "load"}
NESTED: list = []
for _ in range(100):
    NESTED = [NESTED]
NASTY = [
    10**400, -(10**400), 2**63, -1, 0, 1e308, -1e308, float("inf"), float("nan"), True, None,
    "inf", "nan", "1e999", "", "x" * 3_000_000, "\x00\x1b\x07\u202e\ud800", "=1+1\t|\r\n",
    [], {}, [None], {"": None}, NESTED, [[]] * 100_000, {str(n): n for n in range(5000)},
    [WEIGHT] * 3, "worker", "returned", "MemoryError", {"type": "X"},
]  # fmt: skip


def places_of(data, path=()):
    """Yield the path of every value in ``data``."""
    yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from places_of(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from places_of(value, (*path, number))


def put(answer, path, value):
    """Return ``answer`` with ``value`` in a place, unless something else took that place.

    The rest is shared with ``answer``, since some values are large.
    """
    if not path:
        return value
    key, *rest = path
    try:
        changed = copy.copy(answer)
        changed[key] = put(answer[key], rest, value) if rest else value
    except (KeyError, IndexError, TypeError):
        return answer
    return changed


def spoil(answer, seed):
    """Return ``answer`` with nasty values in some of its places, and some keys that are new."""
    rng = random.Random(seed)
    spoilt = answer
    for path in rng.sample(sorted(filter(None, places_of(answer)), key=repr), 3):
        if rng.random() < 0.2:
            new = ["fault", "artifact", "equivalence", "retried", "deadline", "\x1b"]
            spoilt = put(spoilt, (*path[:-1], rng.choice(new)), rng.choice(NASTY))
        spoilt = put(spoilt, path, rng.choice(NASTY))
    return spoilt


def spoilt_answers():
    for place in places_of(RETURNED):
        for nasty in NASTY if place else ():
            yield put(RETURNED, place, nasty)
    for seed in range(500):
        yield spoil(RETURNED if seed % 2 else RAISED, seed)


def test_parse_answer_spoilt_fits_and_survives_storage():
    saved = SaveFacts.parse({**SAVE_FACTS, "compiled": COMPILED})
    seen = set()
    for answer in spoilt_answers():
        observation = parse_answer(LoadObservation, answer)
        text = observation.to_json()
        assert len(text) < 600_000
        assert LoadObservation.from_json(text) == observation
        verdict = judge_load(saved, "h5", observation, Tolerance(absolute=1e-5, relative=1e-4))
        assert len(verdict.summary) <= LONGEST_LINE
        seen.add(verdict.status)
    assert seen >= {Status.PASS, Status.DEGRADED, Status.DRIFT, Status.FAIL, Status.CRASH}


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("value", "timings", "load"), "inf", "value.timings.load"),
        (("value", "timings", "load"), 10**400, "value.timings.load"),
        (("value", "max_abs_diff"), -0.5, "value.max_abs_diff"),
        (("value", "max_abs_diff"), float("nan"), "value.max_abs_diff"),
        (("seconds",), float("inf"), "seconds"),
        (("exit_code",), 10**400, "exit_code"),
        (("value", "weights"), [WEIGHT] * (MOST_WEIGHTS + 1), "value.weights"),
        (("value", "weights", 0, "shape"), [-1], "value.weights.0.shape"),
        (("value", "compiled", "optimizer", "iterations"), 10**400, "value.compiled.optimizer"),
    ],
)
def test_parse_answer_number_out_of_range_is_a_crash(path, value, where):
    observation = parse_answer(LoadObservation, put(RETURNED, path, value))
    assert (observation.ended, observation.value) == ("crashed", None)
    assert observation.log.startswith(f"the answer does not fit: {where}")
    saved = SaveFacts.parse(SAVE_FACTS)
    verdict = judge_load(saved, "h5", observation, Tolerance(absolute=1e-5, relative=1e-4))
    assert verdict.status is Status.CRASH
    assert verdict.summary == "the process gave no understandable answer"


@contextlib.contextmanager
def counting(counts):
    """Add the number of complaints of a validation that fails to ``counts``."""
    try:
        yield
    except ValidationError as error:
        counts.append(error.error_count())


@pytest.mark.parametrize(
    "path",
    [
        ("value", "weights"),
        ("value", "weights", 0, "shape"),
        ("value", "timings"),
        ("value", "did"),
        ("value", "compiled", "loss"),
        ("value", "compiled", "optimizer", "slots"),
        ("value", "compiled", "optimizer", "hyperparameters"),
        ("error", "chain"),
    ],
)
@pytest.mark.parametrize("item", [0, {}, [], None])
def test_parse_answer_many_wrong_items_short_message(path, item):
    """Each complaint takes a hundred times the memory of the item that it is about."""
    many = [item] * 20_000  # without a limit, 20,000 complaints
    mapping = path[-1] in {"timings", "hyperparameters"}
    value = {str(n): each for n, each in enumerate(many)} if mapping else many
    answer = put({**RETURNED, "error": ERROR}, path, value)
    counts = [0]
    with counting(counts):
        LoadObservation.parse(answer)
    assert counts[-1] <= 100
    assert parse_answer(LoadObservation, answer).ended in {"crashed", "returned"}


def test_parse_answer_huge_hyperparameter_becomes_text():
    """A file without code can hold it, and Keras loads that file."""
    answer = copy.deepcopy(RETURNED)
    answer["value"]["compiled"]["optimizer"]["hyperparameters"]["clipnorm"] = 10**400
    observation = parse_answer(LoadObservation, answer)
    hyperparameters = observation.value.compiled.optimizer.hyperparameters
    assert hyperparameters == {"lr": 0.001, "clipnorm": "an integer of 1329 bits"}
    saved = SaveFacts.parse({**SAVE_FACTS, "compiled": observation.value.compiled})
    verdict = judge_load(saved, "h5", observation, Tolerance(absolute=1e-5, relative=1e-4))
    assert verdict.status is Status.PASS


def test_parse_answer_ignores_keys_of_the_runner():
    forged = {**RETURNED, "artifact": "ab", "equivalence": "cd", "retried": [{"reason": "x"}]}
    observation = parse_answer(SaveObservation, forged)
    assert (observation.artifact, observation.equivalence, observation.retried) == (None, None, ())


def test_plain_limits_depth_and_size():
    assert plain(NESTED) == [[[[[[[[[[[[["(left out)"]]]]]]]]]]]]]
    many = plain({"many": list(range(100_000))})
    assert len(many["many"]) < 2_000
    assert plain({"nan": float("nan"), "yes": True}) == {"nan": "nan", "yes": True}


def test_cut_is_stable_and_valid_unicode():
    once = cut("\ud800" + "x" * 1000, 100)
    assert len(once) == 100
    assert once.startswith("?x")
    assert cut(once, 100) == once


def largest_answer(kind):
    """Return an answer with as much as it can hold, of a character that JSON writes as six."""
    text = "\x01" * 100_000
    error = {
        "type": text,
        "message": text,
        "traceback": text,
        "chain": [{"type": text, "message": text}] * 100,
    }
    if kind is ProbeObservation:
        culprit = {"layer": text, "class_name": text, "keys": [text] * 100, "error": text}
        return {"ended": "returned", "value": {"culprits": [culprit] * 500}, "log": text}
    if kind is SaveObservation:
        return {**RETURNED, "value": {**SAVE_FACTS, "compiled": COMPILED}, "log": text}
    return {**RAISED, "error": error, "log": text, "stage": text}


def test_reports_largest_cell_is_limited(tmp_path):
    """The sizes are those that docs/security.md states."""
    plan = make_plan(tmp_path, "tf2.1")
    row, cell = Save("first", "h5", "tf2.1"), Cell("first", "h5", "tf2.1", "tf2.1")
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def measured(kind):
        return Measured(parse_answer(kind, largest_answer(kind)), at)

    save = measured(SaveObservation)
    save = save._replace(observation=save.observation.but(artifact="ab"))
    load = measured(LoadObservation)
    attempts = tuple(Attempt((f"remedy{number}",), load) for number in range(12))
    state = RunState(plan, {row: save}, {cell: load}, {cell: measured(ProbeObservation)})
    state.attempts[cell] = attempts
    run = RunInfo(
        id="r", started=at, finished=at, engine="fake", command="check", complete=True,
        measured=1, known=0,
    )  # fmt: skip
    results = tabulate(state, run)
    assert len(results.cells[0].culprits) == 50
    document = to_json(results)
    assert read_results(document, "it") == results
    empty = results.model_copy(update={"cells": ()})
    sizes = {
        "json": len(document.encode()),
        "csv": len("".join(csv_parts(results)).encode()),
        "html": len(render_html(results).encode()) - len(render_html(empty).encode()),
        "markdown": len(to_markdown(results).encode()),
    }
    assert 200_000 < sizes["json"] < 2_500_000
    assert 20_000 < sizes["csv"] < 250_000
    assert sizes["html"] < 500_000
    assert sizes["markdown"] < 10_000
    assert sum(len(link.message) for link in results.cells[0].error.chain) <= (
        CHAIN_CHARACTERS + 20 * 500
    )


@pytest.fixture
def spoiling(monkeypatch):
    """Each scenario's loads are answered with something else that is nasty."""
    real = FakeWorker._do

    def do(self, task):
        answer = real(self, task)
        number = int(task.scenario.removeprefix("file"))
        spare = number == 0 or task.kind == "save"
        return answer if spare else spoil({**RETURNED, **answer}, number)

    monkeypatch.setattr(FakeWorker, "_do", do)


def test_run_spoilt_answers_give_a_readable_report(command, spoiling, capsys):
    scenarios = tuple(f"file{number}" for number in range(60))
    command.project("good", "fails", scenarios=scenarios)
    code, table, _ = command()
    assert code in {0, 3}
    assert len(table["cells"]) == 240
    good = [cell["status"] for cell in table["cells"] if cell["scenario"] == "file0"]
    assert sorted(good) == ["fail", "fail", "pass", "pass"]
    path = Path("reports/results.json")
    assert path.stat().st_size < 15_000_000
    read_results(path.read_text(encoding="utf-8"), "it")
    again, _, _ = command()
    assert again in {0, 3}
    for arguments in (
        ["report", str(path), "--format", "csv"],
        ["report", str(path), "--format", "junit"],
        ["report", str(path), "--format", "markdown"],
        ["report", str(path), "--format", "html"],
        ["compare", str(path), str(path)],
        ["gate", str(path), "--baseline", str(path)],
    ):
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        assert leaving.value.code in {0, 1, 3}, arguments
        assert capsys.readouterr().out


def test_store_observation_beyond_the_limits_is_measured_again(tmp_path):
    with Store(tmp_path) as store:
        row = ("key", json.dumps({"ended": "returned", "seconds": "inf"}), "2026-01-01", "run")
        store.observations._database.execute(
            "INSERT INTO observations VALUES (?, ?, ?, ?, ?)", (*row, "x")
        )
        from kerasmatrix.store.database import digest_row

        store.observations._database.execute(
            "UPDATE observations SET digest = ?", (digest_row(*row),)
        )
        assert store.observations.find("key", LoadObservation) is None


def test_store_shares_equal_facts_until_it_is_closed(tmp_path):
    store = Store(tmp_path)
    first, second = (
        parse_answer(LoadObservation, RETURNED, store.observations.shared) for _ in range(2)
    )
    assert first.value.weights is second.value.weights
    assert first.value.compiled is second.value.compiled
    assert store.observations.shared
    store.close()
    assert not store.observations.shared
    alone = parse_answer(LoadObservation, RETURNED)
    assert alone.value.weights is not first.value.weights
