"""Truncated, foreign, contradictory or hostile results files, and missing places.

Every command that reads results names the bad file with a hint, or renders it correctly.
"""

import csv
import datetime
import importlib
import io
import json
import os
import sys
import traceback
from xml.etree import ElementTree as Xml

import pytest

from kerasmatrix import cli
from kerasmatrix.results.cells import Status
from kerasmatrix.results.results_json import to_json
from kerasmatrix.store.runs import Archive
from tests.hostile.files import ACTIVE
from tests.hostile.pages import Page
from tests.unit.report.factory import make_cell, make_results

READERS = (
    ("report", "BAD", "--format", "html"),
    ("report", "BAD", "--format", "parquet"),
    ("gate", "last", "--baseline", "BAD"),
    ("gate", "BAD", "--baseline", "last"),
    ("compare", "BAD", "last"),
    ("compare", "last", "BAD"),
    ("can-upgrade", "--run", "BAD", "--from", "tf2.1", "--to", "tf2.2"),
    ("merge", "last", "BAD"),
    ("paths", "--results", "BAD", "--from", "tf2.1", "--to", "tf2.2"),
)


@pytest.fixture
def call(tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(list(arguments))
        printed = capsysbinary.readouterr()
        return leaving.value.code, printed.out.decode(), printed.err.decode()

    return run


def kept(folder, results=None, run="one"):
    results = results or make_results(environments=2)
    results = results.model_copy(update={"run": results.run.model_copy(update={"id": run})})
    Archive(folder / ".kerasmatrix").keep(results)
    return results


def contradictory(text):
    return text.replace('"loaded_with": "tf2.2"', '"loaded_with": "tf2.1"', 1)


WHOLE = to_json(make_results(environments=2))
BAD = {
    "empty": b"",
    "cut off": WHOLE[: len(WHOLE) // 2].encode(),
    "cut off by a byte": WHOLE.rstrip()[:-1].encode(),
    "another document": b'{"scenarios": []}',
    "another version": WHOLE.replace('"schema_version": 1', '"schema_version": 7').encode(),
    "a number": b"1e999",
    "another type": WHOLE.replace('"cells": [', '"cells": 3, "more": [').encode(),
    "contradictory": contradictory(WHOLE).encode(),
    "not UTF-8": WHOLE.replace("Title", "Tit\u00e9").encode("latin-1", "replace"),
    "UTF-16": WHOLE.encode("utf-16"),
    "binary": bytes(range(256)) * 40,
    "deep": b"[" * 100_000,
    "a date that is none": WHOLE.replace("2026-01-02T03", "2026-13-52T99").encode(),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("arguments", READERS, ids=lambda words: " ".join(words[:3]))
def test_bad_results_file_is_named_with_a_hint(call, tmp_path, arguments, content):
    kept(tmp_path)
    (tmp_path / "bad.json").write_bytes(content)
    code, out, err = call(*("bad.json" if word == "BAD" else word for word in arguments))
    assert code == 2
    assert out == ""
    message, hint, *_ = err.splitlines()
    assert message.startswith("kerasmatrix: bad.json: ")
    assert len(message) < 1000
    assert hint.startswith("  ")
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["absent.json", "folder", "no-such-run"])
def test_compare_missing_file_is_usage_error(call, tmp_path, name):
    kept(tmp_path)
    (tmp_path / "folder").mkdir()
    code, _, err = call("compare", name, "last")
    assert code == 2
    assert name in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "--format", "html"),
        ("compare",),
        ("gate", "--baseline", "previous"),
        ("can-upgrade", "--from", "a", "--to", "b"),
        ("paths", "--from", "a", "--to", "b"),
    ],
    ids=lambda words: words[0],
)
def test_empty_store_is_usage_error_with_a_hint(call, arguments):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert "kerasmatrix run" in err


# ---- valid results with hostile text ----

HOSTILE = {
    "a megabyte": "x" * 1_000_000,
    "fifty thousand lines": "y\n" * 50_000,
    "control characters": "".join(map(chr, range(32))) + "\x7f\x9b31m\u202e\u2066\ufeff",
    "markup": "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>]]>&lt;",
    "a formula": '=HYPERLINK("http://example.org";"x")',
    "half a character": "\ud800 and \udfff",
    "a table": "| a | b |\n| --- | --- |\n`code` **bold** <b>",
}


@pytest.fixture
def hostile(call, tmp_path):
    """Render a run whose every text is hostile, as one format."""

    def render(text, form):
        short = text[:999]
        base = make_results(environments=2)
        keys = [(cell.format, cell.saved_with, cell.loaded_with) for cell in base.cells]
        cells = [
            make_cell("first", *key, status, message=short)
            for key, status in zip(keys, Status, strict=False)
        ]
        failed = list(Status).index(Status.FAIL)
        error, load = cells[failed].error, cells[failed].load
        cells[failed] = cells[failed].but(
            error=error.but(message=text, traceback=text),
            load=load.but(log=text),
        )
        scenario = base.scenarios[0].model_copy(update={"title": short, "shows": short})
        kept(tmp_path, base.model_copy(update={"cells": tuple(cells), "scenarios": (scenario,)}))
        code, _, err = call("report", "--format", form, "--output", "made")
        assert (code, err) == (0, "")
        return (tmp_path / "made").read_bytes()

    return render


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_html_with_hostile_text_runs_none_of_it(hostile, text):
    made = hostile(text, "html").decode("utf-8")
    page = Page(made)
    assert page.tags.count("script") == 3
    assert "img" not in page.tags
    assert page.handlers == []
    assert made.rstrip().endswith("</html>")
    assert len(json.loads(page.scripts[0])["status"]) == 8
    assert len(made) < 1_000_000


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_data_formats_with_hostile_text_are_valid(hostile, text):
    assert len(json.loads(hostile(text, "json"))["cells"]) == 8
    csv.field_size_limit(20_000_000)
    rows = list(csv.DictReader(io.StringIO(hostile(text, "csv").decode())))
    assert [row["status"] for row in rows] == [status.value for status in Status][:8]
    junit = Xml.fromstring(hostile(text, "junit"))
    assert len(junit.findall(".//testcase")) == 8
    markdown = hostile(text, "markdown").decode()
    assert len(markdown.encode()) < 1 << 20
    assert "<img" not in markdown.replace("\\<", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "base", "last"),
        ("compare", "base", "last", "--format", "markdown"),
        ("compare", "base", "last", "--format", "json"),
        ("gate", "--baseline", "base"),
        ("can-upgrade", "--from", "tf2.1", "--to", "tf2.2"),
        ("paths", "--results", "later.json", "--from", "tf2.1", "--to", "tf2.2"),
    ],
    ids=" ".join,
)
def test_terminal_output_with_hostile_text_is_escaped(call, tmp_path, arguments):
    base = make_results(environments=2, scenarios=1)

    def all_of(status):
        cells = [
            make_cell("first", "h5", saved, loaded, Status.PASS if saved == loaded else status)
            for saved in ("tf2.1", "tf2.2")
            for loaded in ("tf2.1", "tf2.2")
        ]
        hostile = [cell.but(summary=ACTIVE) for cell in cells]
        return base.model_copy(update={"cells": tuple(hostile)})

    kept(tmp_path, all_of(Status.PASS), "base")
    later = all_of(Status.TIMEOUT)
    when = base.run.started + datetime.timedelta(days=1)
    run = later.run.model_copy(update={"started": when, "finished": when})
    later = kept(tmp_path, later.model_copy(update={"run": run}), "later")
    (tmp_path / "later.json").write_text(to_json(later))
    code, out, err = call(*arguments)
    assert code in {0, 1}, err
    assert "timeout" in out
    assert not [char for char in out + err if not char.isprintable() and char != "\n"]


# ---- baselines and places ----


def test_gate_lists_environments_not_in_the_baseline(call, tmp_path):
    base = make_results(environments=3)
    kept(tmp_path, base)
    (tmp_path / "head.json").write_text(to_json(make_results(environments=2)))
    code, out, _ = call("gate", "head.json", "--baseline", "last")
    assert code in {0, 1, 3}
    assert "environments only in the base: tf2.3" in out
    code, out, _ = call("compare", "last", "head.json")
    assert (code, "environments only in the base: tf2.3" in out) == (0, True)


def unprivileged(folder, *arguments):
    """Run a command as an unprivileged user, since file modes do not restrict root."""
    importlib.import_module(f"kerasmatrix.cli.{arguments[0]}")
    log = folder / "said"
    log.touch(0o666)
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with log.open("w") as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            sys.stderr = sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            cli.main(list(arguments))
        except SystemExit as leaving:
            code = leaving.code
        except BaseException:  # noqa: BLE001 - it is printed, and the child ends
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), log.read_text()


@pytest.fixture
def open_to_all(tmp_path):
    """A folder that others may enter, below pytest's own, which they may not."""
    for folder in (tmp_path, *tmp_path.parents[:4]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return tmp_path


def test_unwritable_folder_is_exit_code_3(open_to_all, monkeypatch):
    monkeypatch.chdir(open_to_all)
    (open_to_all / "results.json").write_text(WHOLE)
    locked = open_to_all / "locked"
    locked.mkdir(mode=0o555)
    code, said = unprivileged(
        open_to_all, "report", "results.json", "--format", "badge", "--output", "locked/badge.json"
    )
    assert code == 3, said
    assert "locked/badge.json: cannot be written: Permission denied" in said
    assert "--output" in said
    assert list(locked.iterdir()) == []
