import json

import pytest

from kerasmatrix import cli
from kerasmatrix.prediction.zoo import Zoo

TOLD = {
    "releases": {"2.4": "tf2.4", "2.15": "tf2.15", "3.4": "tf2.16"},
    "exhibits": {
        "layers/Tower": {"h5": {"2.4-2.15": {"pass": "2.4-3.4"}}},
        "layers/Tower/mode=tall": {"h5": {"2.4-2.15": {"pass": "2.4-3.4"}}},
        "losses/falls": {"among": "2.4-2.15", "h5": {"2.4": {"pass": "2.4"}}},
        "layers/Tower/in-Sequential": {"among": "2.15", "h5": {"2.15": {"pass": "2.15"}}},
        "layers/Tower/wide=True": {
            "refused": {"TypeError": "2.4"},
            "h5": {
                "2.15": {"pass": "2.15", "fail unknown-argument": "2.4", "drift outputs": "3.4"}
            },
            "keras": {"2.15": "unsaved unclassified"},
        },
    },
}


@pytest.fixture
def layer(monkeypatch, capsys):
    monkeypatch.setattr("kerasmatrix.cli.layer.measured_zoo", lambda: Zoo(TOLD))

    def layer(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["layer", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out, printed.err

    return layer


def test_layer_shows_settings_with_the_same_results_together(layer):
    code, printed, _ = layer("tower")
    assert code == 0
    assert printed == (
        "Tower, measured with Keras 2.4, 2.15, 3.4 (tf2.16).\n"
        "\n"
        "Tower()\n"
        "  h5 of 2.4 to 2.15: read by 2.4 to 3.4\n"
        "\n"
        "The same results with these settings, in the releases that have them:\n"
        "  2.4 to 2.15\n"
        '    mode="tall"\n'
        "  2.15\n"
        "    in Sequential\n"
        "\n"
        "Tower(wide=True)\n"
        "  cannot be built with 2.4: TypeError\n"
        "  h5 of 2.15: read by 2.15\n"
        "    fails (unknown-argument): 2.4\n"
        "    loads with other outputs: 3.4\n"
        "  keras: cannot be saved (unclassified) with 2.15\n"
        "\n"
        "Left out: HDF5 files of Keras 3 in Keras 2, and archives in releases with\n"
        "another module path, where no functional model loads. Other releases were not\n"
        "measured.\n"
    )


def test_layer_names_place_of_other_classes(layer):
    _, printed, _ = layer("falls")
    assert "losses: falls\n  h5 of 2.4: read by 2.4\n" in printed
    assert printed.startswith("falls, measured with Keras 2.4, 2.15.\n")


def test_layer_answers_for_a_pair_of_versions(layer):
    code, printed, _ = layer("Tower", "--from", "2.15", "--to", "tf2.16")
    assert code == 0
    assert printed == (
        "Tower, saved with tf2.15 (Keras 2.15) and loaded with tf2.16 (Keras 3.4):\n"
        "  h5: loads\n"
        "    wide=True: loads with other outputs\n"
        "  keras: not measured, or no functional model loads\n"
    )


def test_layer_with_one_version_of_a_pair_is_usage_error(layer):
    code, _, error = layer("Tower", "--to", "2.21")
    assert code == 2
    assert "name both versions" in error


def test_layer_json_has_all_exhibits(layer):
    code, printed, _ = layer("Tower", "--json")
    found = json.loads(printed)
    assert code == 0
    assert found["class"] == "Tower"
    assert [each["call"] for each in found["exhibits"]][1] == 'Tower(mode="tall")'
    wide = found["exhibits"][3]
    assert wide["h5"]["2.15"]["drift outputs"] == "3.4"
    assert wide["written"] == {"h5": "2.15", "keras": ""}


def test_layer_unknown_names_nearest(layer):
    code, _, error = layer("Towr")
    assert code == 2
    assert "did you mean 'Tower'?" in error


def test_layer_unknown_and_like_nothing_has_hint(layer):
    code, _, error = layer("MyOwnThing")
    assert code == 2
    assert "public class of Keras" in error
