"""The vulnerabilities in docs/security.md agree with the locks."""

import re

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.locks import read_lock
from tests.real import ROOT

ROW = re.compile(r"\| \[(CVE-\d+-\d+)\]\(\S+\) \|[^|]+\| (TensorFlow|Keras) ([^|]+) \| ([^|]+) \|")


def installed():
    """Return the TensorFlow and Keras versions that each environment loads files with."""
    environments = {}
    for environment in load_matrix(ROOT / "matrix.yaml").sorted_environments():
        packages = read_lock(ROOT / "images" / "locks", environment).packages
        tensorflow = environment.tensorflow
        keras = packages.get("keras", tensorflow)
        if environment.variables.get("TF_USE_LEGACY_KERAS"):
            keras = packages["tf-keras"]
        elif tensorflow and Version(tensorflow) < Version("2.6"):
            keras = tensorflow  # the package `keras` is not used
        environments[environment.name] = {"TensorFlow": tensorflow, "Keras": keras}
    return environments


ROWS = ROW.findall((ROOT / "docs" / "security.md").read_text(encoding="utf-8"))


def test_security_page_lists_vulnerabilities():
    assert len(ROWS) == len({advisory for advisory, *_ in ROWS})
    assert {"CVE-2024-3660", "CVE-2025-1550", "CVE-2025-9905"} <= {row[0] for row in ROWS}


@pytest.mark.parametrize(("advisory", "package", "affected", "named"), ROWS)
def test_security_page_names_affected_environments(advisory, package, affected, named):
    ranges = [SpecifierSet(text) for text in affected.split(" or ")]
    has = [
        name
        for name, versions in installed().items()
        if versions[package] and any(versions[package] in affected for affected in ranges)
    ]
    assert set(named.split()) - {"none"} == set(has), advisory
