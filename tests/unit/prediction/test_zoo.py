import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.prediction.parts import Part
from kerasmatrix.prediction.zoo import Zoo, measured_zoo

TOLD = {
    "releases": {"2.4": "tf2.4", "2.9": "tf2.9", "2.15": "tf2.15", "3.4": "tf2.16"},
    "exhibits": {
        "layers/Dense": {
            "h5": {"2.4-2.15": {"pass": "2.4-3.4"}},
            "keras": {"2.15": {"pass": "2.15", "fail functional-module-path": "3.4"}},
        },
        "layers/Dense/in-Sequential": {"h5": {"2.4-2.15": {"pass": "2.4-3.4"}}},
        "layers/Tower": {
            "h5": {"2.4-2.15": {"pass": "2.4-3.4"}},
            "keras": {"2.15": {"fail functional-module-path": "3.4"}},
        },
        "layers/Tower/mode=tall": {
            "h5": {
                "2.4": {"pass": "2.4-3.4"},
                "2.9-2.15": {"pass": "2.9-2.15", "fail unknown-argument": "2.4,3.4"},
            }
        },
        "layers/Tower/size=2": {"h5": {"2.4-2.15": {"fail call": "3.4", "pass": "2.4-2.15"}}},
        "layers/Tower/axes=[1, 2]": {"h5": {"2.4-2.15": {"fail call": "3.4"}}},
        "layers/Tower/clipping={'most': 3.0}": {"h5": {"2.4-2.15": {"fail call": "3.4"}}},
        "layers/Tower/in-Sequential": {"h5": {"2.4-2.15": {"fail call": "2.4-3.4"}}},
        "layers/Drifting": {"h5": {"2.9": {"pass": "2.4-2.15", "drift outputs": "3.4"}}},
        "layers/Drifting/mean=0.5": {"among": "2.9,3.4", "h5": {"2.9": {"pass": "2.9,3.4"}}},
        "layers/Drifting/size=2": {"h5": {"2.9": {"pass": "2.4-2.15", "crash": "3.4"}}},
        "layers/Drifting/in-TimeDistributed": {"h5": {"2.9": {"pass": "3.4"}}},
        "layers/LSTM": {"h5": {"2.9": {"pass": "2.4-2.15", "fail call": "3.4"}}},
        "layers/Bidirectional": {"h5": {"2.9": {"fail call": "2.4,3.4", "pass": "2.9-2.15"}}},
        "layers/Gone": {"refused": {"TypeError": "2.4"}, "h5": {"2.9": "unsaved unclassified"}},
        "layers/Gone/mode=tall": {"h5": {"2.9": {"fail unclassified": "2.9"}}},
    },
}


@pytest.fixture
def zoo():
    return Zoo(TOLD)


def outcome(zoo, number, writer, reader):
    return zoo.outcome(zoo.of_class("Tower")[number], "h5", writer, reader)


def test_outcome_of_measured_releases(zoo):
    assert outcome(zoo, 1, "2.9", "2.4") == "fail unknown-argument"
    assert outcome(zoo, 1, "2.9", "2.15") == "pass"
    assert outcome(zoo, 1, "3.4", "2.15") is None


def test_outcome_between_measured_releases_that_agree(zoo):
    assert outcome(zoo, 1, "2.12", "2.4") == "fail unknown-argument"
    assert outcome(zoo, 1, "2.5", "2.4") is None
    assert outcome(zoo, 1, "2.2", "2.4") is None


def test_outcome_of_unsaved_exhibit_is_unknown(zoo):
    assert zoo.outcome(zoo.of_class("Gone")[0], "h5", "2.9", "2.9") is None


def test_failure_of_dense_is_not_its_regularizers():
    def h5(outcome):
        return {"h5": {"2.15": {outcome: "2.9"}}}

    refused = "fail unknown-argument"
    zoo = Zoo({
        "releases": {"2.9": "tf2.9", "2.15": "tf2.15"},
        "exhibits": {
            "layers/Dense": h5(refused),
            "layers/Flatten": h5("pass"),
            "layers/Tower": h5(refused),
            "regularizers/L2": h5(refused),
        },
    })  # fmt: skip
    assert zoo.failure(tower(), "h5", "2.15", "2.9").exhibit.name == "layers/Tower"
    assert zoo.failure(tower("regularizers", "L2"), "h5", "2.15", "2.9") is None


def tower(place="layers", name="Tower", wirings=(), **config):
    return Part(place, name, config, "t", wirings)


@pytest.mark.parametrize("size", [2, [2, 2]])
def test_failure_of_part_with_measured_value(zoo, size):
    found = zoo.failure(tower(size=size), "h5", "2.4", "3.4")
    assert found.exhibit.name == "layers/Tower/size=2"
    assert (found.layer, found.status, found.cause) == ("t", "fail", None)
    assert zoo.failure(tower(size=size), "h5", "2.4", "2.9") is None


@pytest.mark.parametrize(
    "part",
    [
        tower(mode="short", size=True),
        tower(name="Unheard", mode="tall"),
        tower(place="metrics", mode="tall"),
        tower(wirings=("in-Bidirectional",)),
    ],
)
def test_failure_of_other_part_is_none(zoo, part):
    assert zoo.failure(part, "h5", "2.9", "2.4") is None


def test_failure_of_part_that_reader_cannot_build(zoo):
    found = zoo.failure(tower(name="Gone"), "h5", "2.9", "2.4")
    assert (found.status, found.refused) == ("fail", True)
    assert zoo.failure(tower(name="Gone"), "h5", "2.4", "2.9") is None


def test_failure_of_part_with_other_value_of_the_kind(zoo):
    found = zoo.failure(tower(axes=[2, 3, 4]), "h5", "2.9", "3.4")
    assert found.exhibit.name == "layers/Tower/axes=[1, 2]"
    assert zoo.failure(tower(axes=[2, 2]), "h5", "2.9", "3.4") is None
    clipped = zoo.failure(tower(clipping={"most": 5.0}), "h5", "2.9", "3.4")
    assert clipped.exhibit.name == "layers/Tower/clipping={'most': 3.0}"
    assert zoo.failure(tower(clipping={}), "h5", "2.9", "3.4") is None


def test_failure_of_wired_part(zoo):
    found = zoo.failure(tower(wirings=("in-Sequential",)), "h5", "2.9", "3.4")
    assert found.exhibit.name == "layers/Tower/in-Sequential"
    assert zoo.failure(tower(wirings=("in-Sequential",)), "keras", "2.9", "3.4") is None


def test_failure_of_class_that_drifts_with_its_defaults(zoo):
    part = tower(name="Drifting", mean=None)
    found = zoo.failure(part, "h5", "2.9", "3.4")
    assert (found.exhibit.name, found.status) == ("layers/Drifting", "drift")
    assert zoo.failure(part, "h5", "2.9", "2.4") is None


def test_failure_unless_the_wiring_is_the_remedy(zoo):
    wired = tower(name="Drifting", wirings=("in-TimeDistributed",))
    assert zoo.failure(wired, "h5", "2.9", "3.4") is None


def test_failure_of_wrapper_does_not_count_if_its_layer_fails(zoo):
    wrapper = tower(name="Bidirectional")
    assert zoo.failure(wrapper, "h5", "2.9", "3.4") is None
    assert zoo.failure(wrapper, "h5", "2.9", "2.4").status == "fail"


def test_failure_that_does_not_load_counts_before_drift(zoo):
    part = tower(name="Drifting", mean=None, size=2)
    found = zoo.failure(part, "h5", "2.9", "3.4")
    assert (found.exhibit.name, found.status) == ("layers/Drifting/size=2", "fail")


def test_failure_unless_argument_may_be_remedy(zoo):
    assert zoo.failure(tower(name="Drifting", mean=0.25), "h5", "2.9", "3.4") is None


def test_failure_of_every_model_does_not_count(zoo):
    assert zoo.failure(tower(size=2), "keras", "2.15", "3.4") is None


def test_among_is_all_releases_or_those_named(zoo):
    plain, tall, *_ = zoo.of_class("Drifting")
    assert zoo.among(plain) == ("2.4", "2.9", "2.15", "3.4")
    assert zoo.among(tall) == ("2.9", "3.4")


def test_call_of_exhibit_is_written_like_code(zoo):
    assert [each.call for each in zoo.of_class("Tower")] == [
        "Tower()",
        'Tower(mode="tall")',
        "Tower(size=2)",
        "Tower(axes=[1, 2])",
        "Tower(clipping={'most': 3.0})",
        "Tower(), in Sequential",
    ]


def test_stored_outcomes_name_measured_releases_only():
    zoo = measured_zoo()
    for exhibit, writers, _, readers in rows(zoo):
        assert zoo.expanded(writers), exhibit.name
        assert zoo.expanded(readers), exhibit.name


def test_stored_causes_are_in_catalogue():
    known = {cause.slug for cause in the_catalogue().causes}
    stored = {
        outcome.partition(" ")[2]
        for _, _, outcome, _ in rows(measured_zoo())
        if outcome.startswith(("fail", "unsaved"))
    }
    assert stored - {"call", "unclassified"} <= known


def rows(zoo):
    """Yield an exhibit, the releases that save it, what comes of it, and in which releases."""
    for name in zoo.classes:
        for exhibit in zoo.of_class(name):
            for form in exhibit.formats:
                for writers, row in exhibit.data[form].items():
                    if isinstance(row, str):
                        yield exhibit, writers, row, writers
                        continue
                    for outcome, readers in row.items():
                        yield exhibit, writers, outcome, readers
