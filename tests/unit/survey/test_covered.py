import pytest

LISTED = {
    "2.4": {
        "classes": [
            ["layers", "Tower", "Tower", None],
            ["layers", "HighTower", "Tower", None],
            ["layers", "Layer", "Layer", "abstract"],
            ["layers", "Jax", "Jax", "needs JAX"],
            ["layers", "Broken", "Broken", None],
        ],
        "arguments": {"layers/Tower": ["mode", "seed", "size"]},
        "missing": {"layers/Tower": {"mode": "no other value is known", "seed": "no value"}},
    },
    "3.4": {
        "classes": [["layers", "Tower", "Tower", None]],
        "arguments": {"layers/Tower": ["mode", "seed", "size"]},
        "missing": {"layers/Tower": {"mode": "no other value is known"}},
    },
}
STORED = {
    "exhibits": {
        "layers/Tower/size=2": {"refused": {"ValueError": "2.4-3.4"}},
        "layers/Broken": {"refused": {"TypeError": "2.4"}},
        "layers/Tower": {"h5": {}},
    }
}


@pytest.fixture
def covered(zoo_module):
    return zoo_module("covered")


def test_coverage_names_reasons(covered):
    classes, arguments = covered.coverage(LISTED, STORED)
    assert classes == {
        "layers/Tower": None,
        "layers/Jax": "needs JAX",
        "layers/Broken": covered.REFUSED + "TypeError",
    }
    assert arguments == {
        "layers/Tower/mode": "no other value is known",
        "layers/Tower/seed": None,
        "layers/Tower/size": covered.REFUSED + "ValueError",
    }


def test_print_coverage_has_shares(covered, capsys):
    covered.print_coverage(LISTED, STORED)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 of 3 classes have an exhibit: 33.3 % (1 measured)"
    assert lines[3] == "1 of 3 arguments have an exhibit: 33.3 % (0 measured)"
