"""The first steps of the README, with the wheel and outside a checkout."""

import json
import shutil

import pytest

from tests.installed import install

pytestmark = pytest.mark.tensorflow


def test_new_project_nox_session_runs_matrix(engine, tmp_path):
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
    # The next step of the README: this run becomes the baseline of the gate.
    shutil.copy(team / "reports" / "results.json", team / "baseline.json")
    gated = installed.run(team, "nox", "-s", "gate")
    assert gated.returncode == 0, gated.stdout + gated.stderr
    assert "The gate passes." in gated.stdout
    better = (team / "baseline.json").read_text().replace('"status": "fail"', '"status": "pass"')
    (team / "baseline.json").write_text(better)
    gated = installed.run(team, "nox", "-s", "gate")
    assert gated.returncode == 1, gated.stdout + gated.stderr
    assert "newly broken: my_model · keras · tf2.15 → tf2.21: pass → fail" in gated.stdout
