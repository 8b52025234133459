"""A converted file is written whole, and what was there is never lost for it."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files import output as writing
from kerasmatrix.files.fix import OutputFile
from kerasmatrix.files.output import Output, write_file
from kerasmatrix.filesystem.digests import digest_path


class Told:
    """The part of a manifest that writing reads."""

    modules = ()

    def __init__(self, made):
        self.output = self
        self.sha256 = digest_path(made)

    def model_dump_json(self, indent):
        return '{"about": "the new one"}'


def make(path, kind, text):
    if kind == "folder":
        path.mkdir()
        (path / "saved_model.pb").write_text(text)
    else:
        path.write_text(text)
    return path


def content(path):
    return (path / "saved_model.pb" if path.is_dir() else path).read_text()


KINDS = [(before, after) for before in ("file", "folder") for after in ("file", "folder")]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "made", tmp_path / "out" / "model", tmp_path / "out" / "model.json"


@pytest.mark.parametrize(("before", "after"), [(None, "file"), (None, "folder"), *KINDS])
def test_write_file_existing_output_is_replaced(files, before, after):
    made, output, manifest = files
    make(made, after, "new")
    if before:
        make(output, before, "old")
    write_file(made, Told(made), output, manifest)
    assert (content(output), output.is_dir()) == ("new", after == "folder")
    assert "the new one" in manifest.read_text()
    assert sorted(path.name for path in output.parent.iterdir()) == ["model", "model.json"]


@pytest.mark.parametrize(("before", "after"), KINDS)
@pytest.mark.parametrize("failing", ["rename", "manifest"])
def test_write_file_failure_restores_existing_output(files, monkeypatch, before, after, failing):
    made, output, manifest = files
    make(made, after, "new")
    make(output, before, "old")
    told = Told(made)
    real = Path.replace

    def replace(path, target):
        if failing == "rename" and Path(target) == output and path.name == output.name:
            raise OSError(5, "Input/output error")
        return real(path, target)

    def move(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", replace)
    if failing == "manifest":
        monkeypatch.setattr(writing.shutil, "move", move)
    with pytest.raises(InfrastructureError, match="cannot be written"):
        write_file(made, told, output, manifest)
    assert (content(output), output.is_dir()) == ("old", before == "folder")
    assert [path.name for path in output.parent.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("source", "made", "place"),
    [
        ("model.json", "model.h5", "model.h5"),
        ("w.tf", "model.weights.h5", "w.tf.weights.h5"),
        ("a.weights.h5", "weights.h5", "a.h5"),
        ("a.h5", "model.weights.h5", "a.weights.h5"),
        ("big.weights.json", "model.weights.h5", "big.weights.h5"),
    ],
)
def test_path_as_weights_has_ending_of_its_layout(source, made, place):
    output = Output(Path(source), ("weights",))
    assert output.path_as("weights", Path(made)) == Path(place)


@pytest.mark.parametrize(
    ("stored", "name", "wanted"),
    [
        ("weights", "m.weights.h5", "weights"),
        ("h5", "m.weights.h5", "h5"),
        ("weights", "m.h5", "h5"),
    ],
)
def test_output_file_of_weights_is_named_so(stored, name, wanted):
    model = SimpleNamespace(format=stored, scenario=SimpleNamespace(name="s"))
    outputs, _ = OutputFile(Path(name), "h5", Path("told.json")).plan([model])
    assert outputs["s"].formats == (wanted,)


class WithModule(Told):
    modules = ("keras_stand_ins.py",)


def test_write_file_brings_the_modules(files):
    made, output, manifest = files
    make(made, "file", "new")
    made.with_name("keras_stand_ins.py").write_text('"""Layers."""\nNEW = True\n')
    module = output.with_name("keras_stand_ins.py")
    module.write_text('"""Layers."""\nNEW = False\n')
    write_file(made, WithModule(made), output, manifest)
    assert "NEW = True" in module.read_text()


def test_write_file_other_module_of_the_name_stays(files):
    made, output, manifest = files
    make(made, "file", "new")
    made.with_name("keras_stand_ins.py").write_text('"""Layers."""\n')
    module = make(output.with_name("keras_stand_ins.py"), "file", "import user\n")
    with pytest.raises(UsageError, match="is another module"):
        write_file(made, WithModule(made), output, manifest)
    assert content(module) == "import user\n"
