"""The box for model files says what `inspect` and `predict` say, and sends nothing."""

import base64
import json
import zipfile

import h5py
import numpy as np
import pytest

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.prediction.custom_objects import custom_object_names
from kerasmatrix.prediction.predict import predict_file
from kerasmatrix.prediction.select_targets import select_targets
from tests.browser.boxes import STARTED, open_page, write_site
from tests.unit.inspection import files, graphs

pytestmark = pytest.mark.browser

FIELDS = ("environment", "status", "cause", "remedy", "rule", "confidence")
EACH = 37  # bytes at which copies of a file are cut off
DESCRIBE = """async files => await describeFiles(files.map(([path, text]) =>
    [path, Uint8Array.from(atob(text), one => one.charCodeAt(0))]))"""
OWN_LAYER = {
    "class_name": "Sequential",
    "config": {
        "name": "m",
        "layers": [
            {"class_name": "Gate", "config": {"name": "gate", "units": 3}, "module": "my_layers",
             "registered_name": "Gate"},
        ],
    },
    "module": "keras",
    "registered_name": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def box(browser, tmp_path_factory):
    """Return the page with Python started."""
    folder = tmp_path_factory.mktemp("site")
    model = folder / "model.h5"
    files.hdf5_model(model)
    page = open_page(browser, write_site(folder, "drop")["drop"])
    page.locator("#drop-files").set_input_files([model])
    page.locator("#drop-answer").wait_for(timeout=STARTED)
    return page


@pytest.fixture(scope="module")
def targets():
    matrix = bundled_folder() / "matrix.yaml"
    return select_targets(load_matrix(matrix), Project(matrix), ())


def hdf5_of_every_kind(path):
    """Write HDF5 with every kind of link, array and attribute that the reader distinguishes."""
    files.hdf5_model(path)
    with h5py.File(path, "a") as file:
        group = file.create_group("model_weights/other")
        group["matrix"] = np.zeros((3, 4), "f4")
        group["again"] = group["matrix"]
        group["soft"] = h5py.SoftLink("/model_weights/other/matrix")
        group["dangling"] = h5py.SoftLink("/nothing")
        group["outside"] = h5py.ExternalLink("other.h5", "/x")
        group["empty"] = h5py.Empty("f4")
        group["none"] = np.zeros((0, 3))
        group["text"] = "hello"
        group["upper half"] = np.zeros(3, "V2")
        group["type"] = np.dtype("f4")
        group.create_dataset("elsewhere", (4,), "f4", external=[("data.bin", 0, 16)])
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("values.h5", "/d", shape=(4,))
        group.create_virtual_dataset("virtual", layout)
        file.create_dataset("optimizer_weights/steps", data=np.array([7], ">i8"), chunks=(1,),
                            maxshape=(None,), compression="gzip")  # fmt: skip
        file.attrs["keras_version"] = np.array([b"2.4.0"])


def hdf5_of_the_latest_version(path):
    """Write HDF5 with other structures inside: groups with many members in heaps, a user block."""
    with h5py.File(path, "w", libver="latest", userblock_size=1024) as file:
        file.attrs["keras_version"] = "3.4.1"
        group = file.create_group("layers", track_order=True)
        for number in range(40):
            group.create_dataset(f"dense_{number}/vars/0", data=np.zeros((2, number)))
        group.create_dataset("outside", (4,), "f4", external=[("data.bin", 0, 16)])


def both(path):
    """Write a file that is HDF5 and an archive."""
    files.hdf5_model(path)
    files.archive(path.with_name("other.keras"))
    path.write_bytes(path.read_bytes() + path.with_name("other.keras").read_bytes())
    path.with_name("other.keras").unlink()


def names_twice(path):
    files.archive(path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")


MODELS = {
    "model.h5": files.hdf5_model,
    "early.h5": lambda path: files.hdf5_model(path, keras=None, training=None),
    "weights.h5": files.hdf5_weights,
    "model.weights.h5": files.keras_3_weights,
    "every.h5": hdf5_of_every_kind,
    "latest.weights.h5": hdf5_of_the_latest_version,
    "model.keras": files.archive,
    "packed.keras": lambda path: files.archive(path, compression=zipfile.ZIP_DEFLATED),
    "bare.keras": lambda path: files.archive(path, weights=False),
    "own.keras": lambda path: files.archive(path, OWN_LAYER),
    "twice.keras": names_twice,
    "both.keras": both,
    "misnamed.keras": files.hdf5_model,
    "folder": files.unpacked,
    "saved": files.saved_model,
    "graph": graphs.dense,
    "tracked": files.mlflow,
    "text.h5": lambda path: path.write_text("hello"),
    "none.h5": lambda path: path.write_bytes(b""),
    "model.json": lambda path: path.write_text(json.dumps(files.SEQUENTIAL)),
    "model.yaml": lambda path: path.write_text(
        "class_name: Sequential\nconfig:\n- class_name: Dense\n"
        "  config: {name: d, units: 3, batch_input_shape: !!python/tuple [null, 4]}\n"
    ),
    "foreign.h5": lambda path: h5py.File(path, "w").close(),
}


def content_of(folder):
    """Return the files below ``folder``, as `describeFiles` takes them."""
    return [
        (path.relative_to(folder).as_posix(), base64.b64encode(path.read_bytes()).decode())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def told(targets, path, custom=frozenset()):
    """Return what the commands say of a file, or the message of their error."""
    try:
        model = inspect(path).model_dump(mode="json")
        predictions = predict_file(path, targets, custom)
    except UsageError as error:
        return error.message
    fields = [{name: getattr(one, name) for name in FIELDS} for one in predictions]
    return {"file": str(path), "model": model, "predictions": fields}


def said(answer):
    """Return the same of an answer of the box."""
    if "error" in answer:
        return answer["error"]
    return {name: answer[name] for name in ("file", "model", "predictions")}


@pytest.mark.parametrize("name", MODELS)
def test_box_and_commands_agree(box, targets, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MODELS[name](tmp_path / name)
    (path,) = find_models([tmp_path / name]).paths
    answers = box.evaluate(DESCRIBE, content_of(tmp_path))
    assert list(map(said, answers)) == [told(targets, path.relative_to(tmp_path))]


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "latest.weights.h5"])
def test_box_and_commands_agree_on_damage(box, targets, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    MODELS[name](path)
    whole = path.read_bytes()
    differ = []
    for size in range(len(whole) % EACH, len(whole), len(whole) // EACH):
        path.write_bytes(whole[:size])
        expected = told(targets, path.relative_to(tmp_path))
        found = list(map(said, box.evaluate(DESCRIBE, content_of(tmp_path))))
        differ += [] if found == [expected] else [(size, expected, found)]
    assert differ == []


def test_files_that_belong_together_are_one_model(box, targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.checkpoint(tmp_path / "ckpt")
    (tmp_path / "model.json").write_text(json.dumps(files.SEQUENTIAL))
    files.hdf5_weights(tmp_path / "model.h5")
    (tmp_path / "notes.txt").write_text("hello")
    *answers, rest = box.evaluate(DESCRIBE, content_of(tmp_path))
    expected = [told(targets, path) for path in find_models([tmp_path.__class__()]).paths]
    assert list(map(said, answers)) == expected
    assert "notes.txt" in rest["error"]


def test_module_with_own_classes_counts_as_passed(box, targets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files.archive(tmp_path / "own.keras", OWN_LAYER)
    alone = box.evaluate(DESCRIBE, content_of(tmp_path))
    module = tmp_path / "my_layers.py"
    module.write_text("raise SystemExit\nclass Gate: pass\n")
    (answer,) = box.evaluate(DESCRIBE, content_of(tmp_path))
    path = tmp_path.__class__("own.keras")
    assert said(answer) == told(targets, path, custom_object_names(module))
    assert answer["predictions"] != alone[0]["predictions"]


def test_no_dropped_module_is_imported(box, tmp_path):
    for name in ("numpy", "h5py", "yaml", "tomllib", "json", "kerasmatrix"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    files.hdf5_model(tmp_path / "model.h5")
    (answer,) = box.evaluate(DESCRIBE, content_of(tmp_path))
    assert answer["model"]["kind"] == "hdf5-model"


def test_name_that_is_not_utf_8_is_refused(box, tmp_path):
    files.hdf5_model(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "a") as file:
        file["model_weights"].create_group(b"caf\xe9")
    (answer,) = box.evaluate(DESCRIBE, content_of(tmp_path))
    assert "not UTF-8, which this page cannot read" in answer["error"]


def test_dropped_file_is_shown(box, tmp_path):
    box.evaluate(
        """text => {
            const bytes = Uint8Array.from(atob(text), one => one.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "<img src=x onerror=alert(1)>.h5"));
            document.getElementById("drop-area")
                .dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        _model(tmp_path),
    )
    answer = box.locator("#drop-answer")
    answer.locator("h2", has_text="onerror").wait_for()
    assert answer.locator("img").count() == 0
    assert "Written by: Keras 2.4.0" in answer.inner_text()
    assert answer.locator("tbody tr").count() > 1
    assert all(
        link.get_attribute("href").startswith("catalogue/") for link in answer.locator("a").all()
    )


def _model(folder):
    files.hdf5_model(folder / "model.h5")
    return base64.b64encode((folder / "model.h5").read_bytes()).decode()


def test_box_asks_no_server(box):
    assert {url.split(":")[0] for url in box.asked} <= {"file", "blob"}


def test_too_large_files_are_refused_unread(box):
    box.evaluate(
        """() => {
            const input = document.getElementById("drop-files");
            const file = { name: "large.h5", size: 2 ** 31, arrayBuffer() { throw Error("read") } };
            Object.defineProperty(input, "files", { configurable: true, get: () => [file] });
            input.dispatchEvent(new Event("change"));
        }"""
    )
    box.locator("#drop-state", has_text="up to 1 GB").wait_for()
