"""Models of a hub, a registry and a bucket, each served on this machine by the real protocol."""

import functools
import http.server
import importlib
import json
import shutil
import sys
import threading
import urllib.parse
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files import remote
from kerasmatrix.files.remote import address_of, download
from kerasmatrix.files.remote_sources import RemoteFile
from tests.unit.files import models
from tests.unit.inspection import files

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Listed:
    """A source of files that are written with their names as content."""

    title = "model"
    wanted = ""

    def __init__(self, *names, sizes=1, wanted="", written=None):
        self.names = names
        self.sizes = sizes
        self.wanted = wanted
        self.written = written

    def files(self):
        return (RemoteFile(name, self.sizes) for name in self.names)

    def download(self, names, folder):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(self.written or name)


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Return what is downloaded of a source: the path below the folder, and the files."""

    def run(source, **limits):
        monkeypatch.setattr(remote, "SOURCES", {"hf": lambda _: source})
        path = download("hf://org/repo", tmp_path, **limits)
        below = {str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()}
        return str(path.relative_to(tmp_path)), below

    return run


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:/org/repo", "hf://org/repo"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("models:/name/1", "models:/name/1"),
        ("model.h5", None),
        ("models/name.h5", None),
        ("hf", None),
    ],
)
def test_address_of_argument(text, address):
    assert address_of(Path(text)) == address


def test_address_that_is_a_local_path_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("models:").mkdir()
    Path("models:/name").write_text("")
    assert address_of(Path("models:/name")) is None


def test_download_single_model_leaves_other_files(fetch):
    source = Listed("README.md", "a/model.keras", "log.txt")
    assert fetch(source) == ("model/a/model.keras", {"model/a/model.keras"})


def test_download_unpacked_archive_is_a_folder(fetch):
    names = ("config.json", "metadata.json", "model.weights.h5", "assets/words.txt")
    path, below = fetch(Listed(*names, "README.md", ".gitattributes"))
    assert path == "model"
    assert below == {f"model/{name}" for name in names}


def test_download_saved_model_is_a_folder(fetch):
    assert fetch(Listed("saved_model.pb", "variables/variables.index"))[0] == "model"


def test_download_wanted_folder(fetch):
    source = Listed("new/saved_model.pb", "old/model.h5", wanted="new")
    assert fetch(source) == ("model/new", {"model/new/saved_model.pb"})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Listed("a.h5", "b.keras"), "has 2 models"),
        (Listed("README.md", "x.py"), "has no model of Keras"),
        (Listed(), "there is nothing of that name"),
        (Listed("a.h5", wanted="b.h5"), "there is no such file"),
        (Listed("../../a.h5"), "leads elsewhere"),
        (Listed("/etc/a.h5"), "leads elsewhere"),
        (Listed("a.h5", sizes=11), "has 11 bytes, more than the 10"),
        (Listed("a.h5", sizes=None, written="x" * 11), "has 11 bytes, more than the 10"),
    ],
)
def test_download_refuses(fetch, source, message):
    with pytest.raises(UsageError, match=message):
        fetch(source, largest=10)


def test_download_error_of_library_is_one_line_without_secrets(fetch, monkeypatch):
    class Broken(Listed):
        def files(self):
            raise ValueError("no access to https://me:hunter2@host/x?token=abc\nmore")

    with pytest.raises(UsageError) as raised:
        fetch(Broken())
    assert "cannot be downloaded: ValueError: no access to https://***@host" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "abc" not in str(raised.value)


def test_download_without_network_is_inconclusive(fetch):
    class Away(Listed):
        def files(self):
            raise ConnectionRefusedError("no answer")

    with pytest.raises(InfrastructureError, match="cannot be downloaded"):
        fetch(Away())


@pytest.mark.parametrize(
    ("address", "library", "extra"),
    [
        ("hf://org/repo", "huggingface_hub", "hub"),
        ("models:/name/1", "mlflow", "mlflow"),
        ("s3://bucket/key", "s3fs", "s3"),
    ],
)
def test_download_without_library_names_the_extra(tmp_path, monkeypatch, address, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=f"needs the library {library}") as raised:
        download(address, tmp_path)
    assert raised.value.hint == f'install it with: pip install "kerasmatrix[{extra}]"'


@pytest.mark.parametrize(
    "address", ["hf://repo", "s3://bucket", "s3://K:S@bucket/key", "models:/a"]
)
def test_download_malformed_address_says_the_form(tmp_path, address):
    with pytest.raises(UsageError, match="is not an address of the form"):
        download(address, tmp_path)


# ---- real libraries ----


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the Hugging Face hub does: a repository's list of files, and the files."""

    def __init__(self, *arguments, root):
        self.root = root
        super().__init__(*arguments)

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, *, with_body):
        path = urllib.parse.unquote(urllib.parse.urlparse(self.path).path)
        if path.startswith("/api/models/org/repo"):
            names = [each for each in self.root.rglob("*") if each.is_file()]
            body = json.dumps(
                {
                    "id": "org/repo",
                    "sha": COMMIT,
                    "siblings": [
                        {"rfilename": str(each.relative_to(self.root)), "size": each.stat().st_size}
                        for each in names
                    ],
                }
            ).encode()
            return self._send(body, with_body, "application/json")
        prefix = f"/org/repo/resolve/{COMMIT}/"
        file = self.root / path.removeprefix(prefix)
        if path.startswith(prefix) and file.is_file():
            return self._send(file.read_bytes(), with_body, "application/octet-stream")
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _send(self, body, with_body, kind):
        self.send_response(200)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "ETag": f'"{len(body)}"',
            "X-Repo-Commit": COMMIT,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with a repository; the folder of its files."""
    constants = pytest.importorskip("huggingface_hub.constants")
    root = tmp_path / "hub"
    root.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Hub, root=root))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    # Read once, when the library is imported.
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        endpoint + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield root
    server.shutdown()
    thread.join()
    server.server_close()
    # Its client is a global that every fork resets; other tests watch the globals of a fork.
    hub = importlib.import_module("huggingface_hub")
    getattr(hub, "close_session", lambda: None)()


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        cli.main([*map(str, arguments)])
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.mark.parametrize("address", ["hf://org/repo", "hf://org/repo/model.h5@main"])
def test_inspect_model_of_hub(hub, capsys, address):
    files.hdf5_model(hub / "model.h5")
    (hub / "README.md").write_text("# A model")
    code, out, err = run(capsys, "inspect", address)
    assert code == 0
    assert "model.h5: a whole model as HDF5" in out
    assert f"Downloaded {address} to " in err


def test_download_unpacked_model_of_hub(hub, tmp_path):
    files.archive(tmp_path / "model.keras")
    shutil.unpack_archive(tmp_path / "model.keras", hub, "zip")
    path = download("hf://org/repo", tmp_path)
    assert {each.name for each in path.iterdir()} == {
        "config.json",
        "metadata.json",
        "model.weights.h5",
    }


def test_inspect_bad_address_does_not_stop_the_others(hub, capsys, tmp_path):
    code, out, err = run(
        capsys, "inspect", "hf://org/gone", files.hdf5_model(tmp_path / "model.h5")
    )
    assert code == 2
    assert "model.h5: a whole model" in out
    assert "hf://org/gone: cannot be downloaded: " in err


@pytest.fixture
def bucket(monkeypatch):
    """A client of a bucket of a server of S3 on this machine."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = pytest.importorskip("boto3").client("s3")
    client.create_bucket(Bucket="models")
    yield client
    server.stop()


def test_diff_models_of_bucket(bucket, capsys, tmp_path):
    bucket.upload_file(str(models.hdf5(tmp_path / "a.h5")), "models", "old/a.h5")
    bucket.upload_file(str(models.archive(tmp_path / "b.keras")), "models", "new/b.keras")
    code, out, _ = run(capsys, "diff", "s3://models/old/a.h5", "s3://models/new/b.keras")
    assert code == 1
    assert out.startswith("same architecture, same weights, compile state missing in b")


def test_download_prefix_of_bucket(bucket, tmp_path):
    for name in ("saved_model.pb", "variables/variables.index"):
        bucket.put_object(Bucket="models", Key=f"sm/{name}", Body=b"x")
    path = download("s3://models/sm", tmp_path)
    assert (path / "variables" / "variables.index").read_bytes() == b"x"
    with pytest.raises(UsageError, match="there is nothing of that name"):
        download("s3://models/gone.h5", tmp_path)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry with a model of two versions, of which the second is `best`."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = (tmp_path / "store").as_uri()
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    source = tmp_path / "source"
    (source / "data").mkdir(parents=True)
    (source / "MLmodel").write_text("flavors: {tensorflow: {data: data}}\n")
    files.hdf5_model(source / "data" / "model.h5")
    client = mlflow.MlflowClient()
    client.create_registered_model("churn")
    for _ in range(2):
        client.create_model_version("churn", source=str(source))
    client.set_registered_model_alias("churn", "best", "2")
    yield client
    mlflow.set_tracking_uri(before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["models:/churn/1", "models:/churn@best"])
def test_inspect_model_of_registry(registry, capsys, address):
    code, out, _ = run(capsys, "inspect", address)
    assert code == 0
    assert "a whole model as HDF5 in a folder of MLflow" in out


@pytest.mark.filterwarnings("ignore")
def test_download_version_that_is_missing(registry, tmp_path):
    with pytest.raises(UsageError, match=r"models:/churn/9: cannot be downloaded: MlflowExc"):
        download("models:/churn/9", tmp_path)
