import gzip
import os
import socket
from pathlib import Path

import pytest

from kerasmatrix.filesystem.named_files import decompress, read_bytes, read_text, write_bytes


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    # Names of sockets are short.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


def make_large(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def make_loop(path):
    path.symlink_to(path.name)


BAD = {
    "folder": (Path.mkdir, "is a folder, not a file"),
    "pipe": (make_fifo, "is a pipe, not a file"),
    "socket": (make_socket, "No such device or address"),
    "zero": (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
    "terminal": (lambda path: path.symlink_to("/dev/full"), "is a device, not a file"),
    "large": (make_large, "is larger than 16 MiB"),
    "loop": (make_loop, "Too many levels of symbolic links"),
    "dangling": (lambda path: path.symlink_to("absent"), "No such file or directory"),
    "absent": (lambda path: None, "No such file or directory"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD.keys())
def test_read_bytes_not_a_regular_file_is_os_error(tmp_path, make, reason):
    path = tmp_path / "named"
    make(path)
    with pytest.raises(OSError, match=reason):
        read_bytes(path)


def test_read_bytes_nul_in_name_is_os_error():
    with pytest.raises(OSError, match="NUL"):
        read_bytes(Path("a\0b"))


def test_read_bytes_leaves_no_descriptor_open(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    before = sum(1 for _ in Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="folder"):
        read_bytes(path)
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == before


def test_read_bytes_at_the_limit_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_bytes(path, 10) == b"x" * 10
    with pytest.raises(OSError, match="larger than 9 bytes"):
        read_bytes(path, 9)


def test_read_text_other_encoding_names_the_byte(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc\xff")
    with pytest.raises(OSError, match="not UTF-8 text: byte 3 is 0xff"):
        read_text(path)


def test_decompress_returns_the_text(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress("späte".encode()))
    assert decompress(path) == "späte"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends too early"),
        (gzip.compress(b"x" * 1000)[:-20], "ends too early"),
        (b"junk", "is damaged"),
        (gzip.compress(b"\xff"), "not UTF-8"),
        (gzip.compress(bytes(80 << 20)), "holds more than 64 MiB"),
    ],
    ids=["empty", "cut off", "junk", "encoding", "bomb"],
)
def test_decompress_bad_file_is_os_error(tmp_path, content, reason):
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(OSError, match=reason):
        decompress(path)


def test_write_bytes_pipe_without_reader_is_os_error(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device or address"):
        write_bytes(path, b"x")


def test_write_bytes_replaces_a_longer_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"longer")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
