"""What docs/security.md says of known vulnerabilities fits the locks."""

import re

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from tests.real import ROOT

ROW = re.compile(r"\| \[(CVE-\d+-\d+)\]\(\S+\) \|[^|]+\| (TensorFlow|Keras) ([^|]+) \| ([^|]+) \|")


def installed():
    """Return what TensorFlow and Keras each environment loads files with."""
    found = {}
    for environment in load_matrix(ROOT / "matrix.yaml").sorted_environments():
        packages = read_lock(ROOT / "images" / "locks", environment).packages
        tensorflow = environment.tensorflow
        keras = packages.get("keras", tensorflow)
        if environment.variables.get("TF_USE_LEGACY_KERAS"):
            keras = packages["tf-keras"]
        elif Version(tensorflow) < Version("2.6"):
            keras = tensorflow  # `keras` is a package beside it
        found[environment.name] = {"TensorFlow": tensorflow, "Keras": keras}
    return found


ROWS = ROW.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))


def test_rows_of_vulnerabilities_are_found():
    assert len(ROWS) == len({advisory for advisory, *_ in ROWS})
    assert {"CVE-2024-3660", "CVE-2025-1550", "CVE-2025-9905"} <= {row[0] for row in ROWS}


@pytest.mark.parametrize(("advisory", "package", "affected", "named"), ROWS)
def test_environments_of_a_vulnerability_are_those_locked(advisory, package, affected, named):
    ranges = [SpecifierSet(each) for each in affected.split(" or ")]
    has = [
        name
        for name, versions in installed().items()
        if any(versions[package] in each for each in ranges)
    ]
    assert set(named.split()) - {"none"} == set(has), advisory
