from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.facts import Hazard, Lambda
from kerasmatrix.inspection.model_info import ModelFile, SecondFormat
from kerasmatrix.report.sarif import RULES, to_sarif


def test_sarif_has_a_result_for_each_finding():
    file = ModelFile(
        path="m.keras",
        kind="keras-archive",
        bytes=1,
        lambdas=(Lambda(layer="l", python="3.11 to 3.12"),),
        hazards=(
            Hazard(kind="code", layer="d", names="os.system"),
            Hazard(kind="pickle", layer="w.npz", names="its arrays"),
            Hazard(kind="file", layer="t", names="/srv/words.txt"),
        ),
        custom_objects=("Gate",),
        notes=("it is two files in one", "it holds no weights"),
        second=SecondFormat(container="hdf5"),
    )
    log = to_sarif([("models/a b.keras", file), ("c.h5", UsageError("c.h5: is empty"))])
    (run,) = log["runs"]
    found = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert found == [
        ("code-in-lambda", "warning"), ("code-outside", "warning"), ("pickle", "warning"),
        ("path-outside", "warning"), ("two-types", "warning"), ("unusual", "warning"),
        ("unknown-class", "note"), ("unreadable", "error"),
    ]  # fmt: skip
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "models/a%20b.keras"
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert {result["ruleId"] for result in run["results"]} == set(RULES)


def test_sarif_of_a_plain_file_has_no_results():
    log = to_sarif([("a.h5", ModelFile(path="a.h5", kind="hdf5-model", bytes=1))])
    assert log["runs"][0]["results"] == []
