"""From nothing to a measured matrix, as the README says it: with the wheel, outside a checkout."""

import json

import pytest

from tests.installed import install

pytestmark = pytest.mark.tensorflow


def test_a_new_project_is_measured_by_its_own_nox_session(engine, tmp_path):
    installed = install(tmp_path / "installed")
    team = tmp_path / "team"
    assert installed.run(tmp_path, "kerasmatrix", "init", "team").returncode == 0
    done = installed.run(team, "nox", "-s", "matrix", "--", "--group", "quick", "--engine", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((team / "reports" / "results.json").read_text())
    cells = {
        (cell["format"], cell["saved_with"], cell["loaded_with"]): cell for cell in results["cells"]
    }
    assert len(cells) == 16
    for environment in ("tf2.15", "tf2.21"):
        for form in ("keras", "weights"):
            assert cells[form, environment, environment]["status"] == "pass"
    assert cells["h5", "tf2.21", "tf2.15"]["cause"] == "inputlayer-batch-shape"
    assert cells["keras", "tf2.15", "tf2.21"]["status"] == "fail"
    assert any(
        remedy["status"] == "verified" for remedy in cells["keras", "tf2.15", "tf2.21"]["remedies"]
    )
    assert "kerasmatrix" in (team / "reports" / "index.html").read_text()
