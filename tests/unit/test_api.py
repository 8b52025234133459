"""The Python API on fake environments, and the examples of its page."""

import gc
import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest

import kerasmatrix
from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.files import remote
from kerasmatrix.files.remote_sources import RemoteFile
from kerasmatrix.report.progress import TerminalProgress
from kerasmatrix.results.results_json import to_json
from tests.real import ROOT
from tests.unit.behaviours import FAILS, GOOD
from tests.unit.fakes import FakeEngine, VersionedEngine, make_project
from tests.unit.inspection import files

BEHAVIOURS = {
    "fails-stubborn-rewrite-config": FAILS.but(fixed_by="rewrite-config", loads_own=False),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return what makes a project of fake environments in the current folder, with a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    files.hdf5_model(tmp_path / "model.h5")
    return lambda *names, **options: make_project(tmp_path, *names, **options)


def test_import_package_loads_nothing_heavy():
    heavy = {"click", "docker", "h5py", "numpy", "pandas", "pydantic", "rich", "yaml"}
    script = f"import kerasmatrix, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_package_has_all_names():
    for name in kerasmatrix.__all__:
        assert getattr(kerasmatrix, name) is not None
    assert set(kerasmatrix.__all__) == set(dir(kerasmatrix))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kerasmatrix.nothing  # noqa: B018


def test_inspect_model_file(project):
    told = kerasmatrix.inspect("model.h5")
    assert (told.kind, told.writer.keras, told.layers) == ("hdf5-model", "2.4.0", 1)
    with pytest.raises(kerasmatrix.UsageError, match="cannot be read"):
        kerasmatrix.inspect("nothing.h5")


def test_predict_returns_frame(project):
    project("good", "good2")
    frame = kerasmatrix.predict("model.h5")
    assert list(frame["environment"]) == ["good", "good2"]
    assert set(frame["file"]) == {"model.h5"}
    assert frame["confidence"].between(0, 1).all()
    assert len(kerasmatrix.predict(["model.h5", Path("model.h5")], environments=["good"])) == 1


def test_check_returns_frame(project, engine, tmp_path):
    project("drifts", "fails-unless-rewrite-config", "good")
    checked = kerasmatrix.check("model.h5", engine=engine)
    frame = checked.frame.set_index("environment")
    assert list(frame["status"]) == ["drift", "fail", "pass"]
    failing = frame.loc["fails-unless-rewrite-config"]
    assert (failing["cause"], failing["remedy"]) == ("unknown-functional", "rewrite-config")
    assert set(frame["reference"]) == {"good"}
    assert (frame["file"] == "model.h5").all()
    assert isinstance(checked.frame, pd.DataFrame)
    page = checked.write(tmp_path / "reports")
    assert "model.h5" in page.read_text()
    assert engine.closed


def test_check_second_call_measures_nothing(project, engine):
    project("good")
    kerasmatrix.check("model.h5", engine=engine)
    again = FakeEngine()
    checked = kerasmatrix.check("model.h5", engine=again)
    assert again.tasks == []
    assert checked.results.run.known
    kerasmatrix.check("model.h5", engine=again, fresh=True)
    assert again.tasks


def test_check_refused_paths_are_listed(project, engine):
    project("good")
    Path("notes.h5").write_text("notes")
    checked = kerasmatrix.check(["notes.h5", "model.h5"], engine=engine)
    assert list(checked.frame["file"]) == ["model.h5"]
    assert [text.partition(":")[0] for text in checked.refused] == ["notes.h5"]
    with pytest.raises(kerasmatrix.UsageError, match="is a text file"):
        kerasmatrix.check("notes.h5", engine=engine)


def test_mistakes_are_errors_with_hint(project, engine):
    project("good")
    for call in (
        lambda: kerasmatrix.check("model.h5", environments=["god"], engine=engine),
        lambda: kerasmatrix.bisect("model.h5", "god", "good", engine=engine),
        lambda: kerasmatrix.convert("model.h5", "god", "out.h5", engine=engine),
    ):
        with pytest.raises(kerasmatrix.UsageError, match="unknown environment 'god'") as error:
            call()
        assert "did you mean 'good'" in error.value.hint


def test_check_engine_without_sandbox_requires_trust(project, engine):
    project("good")
    engine.sandbox = False
    with pytest.raises(kerasmatrix.UsageError, match="not a sandbox"):
        kerasmatrix.check("model.h5", engine=engine)
    assert engine.tasks == []
    assert kerasmatrix.check("model.h5", engine=engine, trust=True).frame["status"][0] == "pass"


def test_bisect_returns_bisection(project):
    project(*(f"tf2.{minor}" for minor in range(1, 6)))
    engine = VersionedEngine()
    engine.since = {"2.3.0": FAILS}
    probes = []
    found = kerasmatrix.bisect(
        "model.h5", "tf2.1", "tf2.5", engine=engine, within_matrix=True, on_probe=probes.append
    )
    assert (found.last_good.environment, found.first_bad.environment) == ("tf2.2", "tf2.3")
    assert tuple(probes) == found.looks


def test_convert_returns_manifest_or_raises(project, engine):
    project("good", "fails-unless-rewrite-config", "fails-stubborn-rewrite-config")
    made = kerasmatrix.convert("model.h5", "fails-unless-rewrite-config", "out.h5", engine=engine)
    assert made.action == "rewritten"
    assert Path("out.h5").exists()
    with pytest.raises(kerasmatrix.CannotConvert, match="no file that loads plainly") as error:
        kerasmatrix.convert("model.h5", "fails-stubborn-rewrite-config", "o.h5", engine=engine)
    assert error.value.refusal.tried[0].remedies == ("rewrite-config",)
    assert error.value.refusal.code == ()
    with pytest.raises(kerasmatrix.UsageError, match="unknown file extension"):
        kerasmatrix.convert("model.h5", "good", "out.txt", engine=engine)


REWRITE = "fails-unless-rewrite-config"


def test_checked_upgrade_is_the_verdict_for_two_versions(project, engine):
    project("good", "good2", REWRITE)
    checked = kerasmatrix.check("model.h5", engine=engine)
    verdict = checked.upgrade("good", REWRITE)
    assert verdict.headline() == f"1 of 1 file breaks in {REWRITE}; it can be fixed."
    assert str(verdict).endswith(verdict.headline())
    assert checked.upgrade("good", "good2").headline() == "None of 1 file breaks in good2."
    with pytest.raises(kerasmatrix.UsageError, match="unknown environment 'god'"):
        checked.upgrade("god", "good2")


def test_checked_fix_writes_files_from_what_is_known(project, engine):
    project("good", REWRITE)
    checked = kerasmatrix.check("model.h5", engine=engine)
    loads = sum(task.kind != "convert" for _, task in engine.tasks)
    verdict = checked.fix("fixed/new")
    assert verdict.lines[0].fixed.path == "fixed/new/model.h5"
    assert Path("fixed/new/model.h5.kerasmatrix.json").is_file()
    assert "; it is fixed" in verdict.headline()
    # One more load: that of the new file.
    assert sum(task.kind != "convert" for _, task in engine.tasks) == loads + 1
    with pytest.raises(kerasmatrix.UsageError, match="were read from a file"):
        kerasmatrix.Checked(checked.results).fix("fixed")


def test_notebook_shows_progress(project, engine, monkeypatch):
    begun = []
    monkeypatch.setattr(TerminalProgress, "begins", lambda _, run: begun.append(run))
    project("good")
    kerasmatrix.check("model.h5", engine=engine)
    assert begun == []
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    kerasmatrix.check("model.h5", engine=engine)
    assert begun != []


def test_checked_is_shown_in_few_words(project, engine):
    project("good", REWRITE)
    Path("<i>.h5").write_bytes(Path("model.h5").read_bytes())
    checked = kerasmatrix.check(["model.h5", "<i>.h5"], engine=engine)
    assert repr(checked) == (
        f"<Checked in good, {REWRITE}: 2 of 2 files break in {REWRITE}; all 2 can be fixed.>"
    )
    html = checked._repr_html_()
    assert "2 of 2 files break" in html
    assert "<th>&lt;i&gt;.h5</th>" in html
    assert html.count("<tr>") == 3


def test_reproduce_file_that_loads_says_so(project, engine):
    project("good")
    found = kerasmatrix.reproduce("model.h5", "good", engine=engine)
    assert (found.script, found.why) == (None, "the file loads in good")
    with pytest.raises(kerasmatrix.UsageError, match="unknown environment 'god'"):
        kerasmatrix.reproduce("model.h5", "god", engine=engine)


class Bucket:
    """A server with one model."""

    title, wanted = "bucket", ""

    def files(self):
        return [RemoteFile("model.h5", 1)]

    def download(self, _, folder):
        shutil.copy("model.h5", folder)


@pytest.fixture
def bucket(project, monkeypatch):
    """Serve a model at every address of S3 but one, and return the folder of downloads."""

    def source(address):
        if "gone" in address:
            raise ConnectionError("no route to host")
        return Bucket()

    monkeypatch.setattr(remote, "SOURCES", {"s3": source})
    Path("downloads").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(Path("downloads").absolute()))
    project("good", REWRITE)
    return Path("downloads")


def test_functions_take_addresses(bucket, engine):
    address = "s3://bucket/model.h5"
    assert kerasmatrix.inspect(address).layers == 1
    assert kerasmatrix.diff("model.h5", address).same_bytes
    assert len(kerasmatrix.predict(address, environments=["good"])) == 1
    made = kerasmatrix.convert(address, "good", "out.h5", engine=engine)
    assert made.action == "copied"
    assert list(bucket.iterdir()) == []


def test_check_keeps_download_until_fixed(bucket, engine):
    checked = kerasmatrix.check(["s3://bucket/model.h5", "s3://gone/model.h5"], engine=engine)
    assert checked.refused == (
        "s3://gone/model.h5: cannot be downloaded: ConnectionError: no route to host",
    )
    assert "; it is fixed" in checked.fix("fixed").headline()
    assert list(bucket.iterdir()) != []
    del checked
    gc.collect()
    assert list(bucket.iterdir()) == []


def test_explain_known_error():
    assert kerasmatrix.explain("ValueError: Unknown layer: Functional").slug == "unknown-functional"
    assert kerasmatrix.explain("ValueError: an unheard-of problem") is None
    with pytest.raises(kerasmatrix.UsageError, match="nothing to explain"):
        kerasmatrix.explain(" ")


def test_load_results_as_frame(project, engine):
    project("good")
    checked = kerasmatrix.check("model.h5", engine=engine)
    Path("results.json").write_text(to_json(checked.results))
    results = kerasmatrix.load_results("results.json")
    assert list(kerasmatrix.frame(results)["status"]) == ["pass"]
    with pytest.raises(kerasmatrix.UsageError, match="has no last run"):
        kerasmatrix.load_results()


def test_check_without_matrix_uses_bundled_one(tmp_path, monkeypatch, engine):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    files.hdf5_model(tmp_path / "model.h5")
    there = (bundled_folder() / ".kerasmatrix").exists()
    checked = kerasmatrix.check("model.h5", environments=["tf2.4"], engine=engine)
    assert list(checked.frame["environment"]) == ["tf2.4"]
    assert (tmp_path / "cache" / "store" / "store.sqlite").is_file()
    assert (bundled_folder() / ".kerasmatrix").exists() == there


PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_examples_of_page_run(project, monkeypatch, capsys):
    project("tf2.1", "tf2.2", "tf2.3", "tf2.4", "tf2.15")
    engine = VersionedEngine()
    engine.since = {"2.1.0": FAILS.but(fixed_by="rewrite-config"), "2.3.0": GOOD}
    engines = importlib.import_module("kerasmatrix.engines.select")
    monkeypatch.setattr(engines, "open_engine", lambda *_: engine)
    bisector = importlib.import_module("kerasmatrix.files.bisect")
    kept = bisector.Bisector.__init__.__kwdefaults__
    monkeypatch.setitem(kept, "ask", lambda *_, **__: None)  # no releases in between
    files.hdf5_model(Path("old.h5"))
    files.archive(Path("new.keras"))
    names = {}
    verbs = [example for example in EXAMPLES if "model_check" not in example]
    assert len(verbs) == 9
    for example in verbs:
        if "results.json" in example and "load_results" in example:
            Path("results.json").write_text(Path("reports/results.json").read_text())
        exec(compile(example, "docs/api.md", "exec"), names)
    said = capsys.readouterr().out
    assert "hdf5-model 2.4.0 1 ()" in said
    assert "tensorflow 2.3.0 https://github.com/tensorflow/tensorflow/releases/tag/v2.3.0" in said
    assert "unknown-functional 3" in said
    assert "rewritten same weights, same outputs" in said
    assert Path("new.h5").exists()
