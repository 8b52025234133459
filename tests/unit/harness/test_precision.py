"""Which models oneDNN may use all of the processor for."""

import os
import zipfile

import pytest

from kerasmatrix.harness import precision

POLICY = b'{"dtype": {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}}'


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("content", [POLICY, b"dtype='float16'", b"set_floatx('bfloat16')"])
@pytest.mark.parametrize("name", ["save.py", "given/model.h5", "given/model/keras_metadata.pb"])
def test_computes_in_half_if_a_file_names_the_type(tmp_path, name, content):
    write(tmp_path, "load.py", b"def load(path): ...")
    assert not precision.computes_in_half(str(tmp_path))
    write(tmp_path, name, b"\x89HDF\r\n" + content + b"\0")
    assert precision.computes_in_half(str(tmp_path))


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(("config", "half"), [(POLICY * 99, True), (b'"float32"' * 99, False)])
def test_computes_in_half_reads_the_config_of_an_archive(tmp_path, packing, config, half):
    with zipfile.ZipFile(tmp_path / "model.keras", "w", packing) as archive:
        archive.writestr("config.json", config)
    assert precision.computes_in_half(str(tmp_path)) is half


@pytest.mark.parametrize("content", [b"", b"PK\3\4 a damaged archive"])
def test_computes_in_half_of_what_cannot_be_read_is_false(tmp_path, content):
    write(tmp_path, "model.keras", content)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert not precision.computes_in_half(str(tmp_path))


@pytest.mark.parametrize(("content", "kept"), [(POLICY, False), (b"float32", True)])
def test_limit_is_lifted_for_half_precision_only(tmp_path, monkeypatch, content, kept):
    monkeypatch.setenv(precision.LIMIT, "AVX2")
    write(tmp_path, "model.h5", content)
    precision.lift_limit(str(tmp_path))
    assert (precision.LIMIT in os.environ) is kept


def test_limit_that_is_not_there_stays_away(tmp_path, monkeypatch):
    monkeypatch.delenv(precision.LIMIT, raising=False)
    write(tmp_path, "model.h5", POLICY)
    precision.lift_limit(str(tmp_path))
    assert precision.LIMIT not in os.environ
