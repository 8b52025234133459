"""Predictions compared with measurements: whole runs of fake environments that save real files."""

from pathlib import Path

import pytest

from kerasmatrix.execution import predictions
from kerasmatrix.prediction import predict, rules
from kerasmatrix.prediction.cache import PredictionCache
from tests.unit.fakes import SAVE_FACTS, FakeWorker
from tests.unit.inspection import files


@pytest.fixture(autouse=True)
def _real_files(monkeypatch):
    def save(self, task):
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        # Files that are equal are loaded once.
        name = f"{task.scenario}_{self.name}"
        config = {"class_name": "Sequential", "config": {"name": name, "layers": [files.DENSE]}}
        files.hdf5_model(folder / "model.h5", config, keras="2.3.0-tf", training=None)
        return {"ended": "returned", "value": SAVE_FACTS, "seconds": 0.1}

    monkeypatch.setattr(FakeWorker, "_save", save)


def cell(table, scenario, loaded):
    return next(
        each
        for each in table["cells"]
        if (each["scenario"], each["loaded_with"]) == (scenario, loaded)
    )


def test_cell_has_a_prediction_and_the_run_a_score(command):
    command.project("good", "other")
    code, table, said = command("--verbose")
    told = cell(table, "first", "good")["prediction"]
    assert code == 0
    assert (told["status"], told["rule"]) == ("pass", "nothing-against")
    assert table["predictor"]["cells"] == 4
    assert table["predictor"]["statuses"][0]["status"] == "not fail"
    assert "Prediction check: 4 cells" in said


def test_wrong_prediction_lowers_the_score(command):
    command.project("good", "fails")
    _, table, said = command("--remedies", "none", "-v")
    fail = table["predictor"]["statuses"][0]
    assert (fail["status"], fail["measured"], fail["right"], fail["recall"]) == ("fail", 2, 0, 0.0)
    assert "0 of 2 failures predicted" in said


def test_prediction_ignores_cells_of_its_own_scenario(command):
    command.project("good", "fails", scenarios=("first", "second"))
    _, table, _ = command("--remedies", "none", "--scenarios", "first")
    assert cell(table, "first", "fails")["prediction"]["status"] == "pass"
    # A second time it still knows nothing of itself, though the notes have it.
    _, table, _ = command("--remedies", "none", "--scenarios", "first")
    assert cell(table, "first", "fails")["prediction"]["status"] == "pass"
    # The file of the second scenario is like that of the first.
    _, table, _ = command("--remedies", "none")
    told = cell(table, "second", "fails")["prediction"]
    assert (told["status"], told["cause"]) == ("fail", "unknown-functional")
    assert told["rule"].startswith("measured:first/h5/")
    assert cell(table, "first", "fails")["prediction"]["rule"].startswith("measured:second/h5/")


def test_prediction_reads_a_file_once_for_all_runs(command, monkeypatch):
    command.project("good", "other")
    read = []
    before = predict.predict_by_rules
    monkeypatch.setattr(
        predict, "predict_by_rules", lambda *given: read.append(given[0]) or before(*given)
    )
    command()
    assert len(read) == len(set(read)) > 0
    read.clear()
    _, table, _ = command()
    assert read == []
    assert table["predictor"]["cells"] == 4


def test_prediction_after_new_rules_reads_the_file_again(command, monkeypatch):
    command.project("good")
    command()
    monkeypatch.setattr(predictions, "code_digest", lambda: "another")
    monkeypatch.setattr(
        predict, "predict_by_rules", lambda *_: pytest.fail("read again"), raising=True
    )
    with pytest.raises(BaseException, match="read again"):
        command("--no-infer")


def test_prediction_of_an_unreadable_file_is_none(command, monkeypatch):
    def save(self, task):
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        (folder / "model.h5").write_text("no model")
        return {"ended": "returned", "value": SAVE_FACTS, "seconds": 0.1}

    monkeypatch.setattr(FakeWorker, "_save", save)
    command.project("good")
    code, table, _ = command()
    assert code == 0
    assert table["cells"][0]["prediction"] is None
    assert table["predictor"] is None


REFUSED = {"type": "ValueError", "message": "not these", "chain": [], "traceback": ""}


def test_not_comparable_cell_is_not_evidence(command, monkeypatch):
    command.project("good", "fails", scenarios=("first", "second"))
    command("--remedies", "none", "--scenarios", "first")
    # Measured again, it turns out that nothing can be said of it: what was noted is forgotten.
    facts = {**SAVE_FACTS, "refused": REFUSED}
    before = FakeWorker._save
    monkeypatch.setattr(FakeWorker, "_save", lambda *given: {**before(*given), "value": facts})
    monkeypatch.setattr(
        FakeWorker, "_do", lambda self, task: self._save(task) if task.kind == "save"
        else {"ended": "raised", "error": REFUSED, "stage": "call", "seconds": 0.1},
    )  # fmt: skip
    _, table, _ = command("--remedies", "none", "--scenarios", "first", "--fresh")
    assert {each["status"] for each in table["cells"]} == {"not-comparable"}
    assert table["predictor"] is None
    assert Path(".kerasmatrix/predictions.sqlite").is_file()
    assert list(PredictionCache(Path(".kerasmatrix")).cells()) == []


def test_code_digest_covers_rules_and_readers():
    assert len(predictions.code_digest()) == 64
    assert Path(rules.__file__).with_name("rules.yaml").is_file()
