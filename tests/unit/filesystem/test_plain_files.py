import hashlib
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from kerasmatrix.filesystem import plain_files
from kerasmatrix.filesystem.plain_files import (
    LIMITS,
    NotPlain,
    copy_file,
    copy_tree,
    digest_file,
    digest_tree,
    walk,
)
from kerasmatrix.store.store import digest_tree as digest_of_store

SECRET = "the private key"


def names(tree):
    """Return the names of all entries, as `walk` finds them."""
    with walk(tree) as entries:
        return [entry.name for entry in entries]


@pytest.fixture
def private(tmp_path):
    """A file and a folder outside of every tree that is read."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "key").write_text(SECRET)
    return folder


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    (folder / "variables" / "deep").mkdir(parents=True)
    (folder / "variables" / "data").write_bytes(b"numbers")
    (folder / "variables" / "deep" / "empty").touch()
    (folder / "variables.index").write_bytes(b"index")
    (folder / "assets").mkdir()
    return folder


def link_to_file(folder, private):
    (folder / "vocab.txt").symlink_to(private / "key")


def link_to_folder(folder, private):
    (folder / "vocab.txt").symlink_to(private)


def link_to_itself(folder, _):
    (folder / "vocab.txt").symlink_to(".")


def link_to_nothing(folder, _):
    (folder / "vocab.txt").symlink_to("nowhere")


def link_to_device(folder, _):
    (folder / "vocab.txt").symlink_to("/dev/zero")


def pipe(folder, _):
    os.mkfifo(folder / "vocab.txt")


def unix_socket(folder, _):
    here = Path.cwd()
    os.chdir(folder)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("vocab.txt")
    finally:
        os.chdir(here)


def device(folder, _):
    try:
        os.mknod(folder / "vocab.txt", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root can make devices")


ODD = {
    link_to_file: "is a symbolic link",
    link_to_folder: "is a symbolic link",
    link_to_itself: "is a symbolic link",
    link_to_nothing: "is a symbolic link",
    link_to_device: "is a symbolic link",
    pipe: "is a pipe",
    unix_socket: "is a socket",
    device: "is a device",
}


@pytest.mark.parametrize(
    ("make", "reason"), ODD.items(), ids=lambda each: getattr(each, "__name__", "")
)
@pytest.mark.parametrize(
    "use",
    [copy_tree, lambda tree, _: digest_tree(tree), lambda tree, _: names(tree)],
    ids=["copy", "digest", "walk"],
)
def test_tree_with_odd_entry_is_refused_by_name(tree, private, tmp_path, make, reason, use):
    make(tree / "variables" / "deep", private)
    with pytest.raises(NotPlain, match="vocab") as caught:
        use(tree, tmp_path / "copy")
    assert (caught.value.name, caught.value.reason) == ("variables/deep/vocab.txt", reason)
    assert str(caught.value) == f"variables/deep/vocab.txt {reason}"
    assert not (tmp_path / "copy").exists()


def test_walk_yields_folders_before_their_content_in_order(tree):
    with walk(tree) as entries:
        found = [(entry.name, entry.is_folder) for entry in entries]
    assert found == [
        ("assets", True), ("variables", True), ("variables/data", False),
        ("variables/deep", True), ("variables/deep/empty", False), ("variables.index", False),
    ]  # fmt: skip


def test_copy_tree_returns_the_digest_that_the_store_makes(tree, tmp_path):
    digest = copy_tree(tree, tmp_path / "copy")
    assert (
        digest == digest_tree(tree) == digest_of_store(tree) == digest_of_store(tmp_path / "copy")
    )
    assert names(tree) == names(tmp_path / "copy")


def test_copy_tree_makes_everything_readable(tree, tmp_path):
    (tree / "variables" / "data").chmod(0o4600)
    (tree / "assets").chmod(0o700)
    before = os.umask(0o077)
    try:
        copy_tree(tree, tmp_path / "copy")
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "copy").rglob("*")}
    assert modes == {0o755, 0o644}
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o755
    assert stat.S_IMODE((tree / "assets").stat().st_mode) == 0o700


def test_descriptor_of_folder_can_be_read_again_and_again(tree, tmp_path):
    folder = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        digests = {digest_tree(folder), digest_tree(folder), copy_tree(folder, tmp_path / "copy")}
    finally:
        os.close(folder)
    assert digests == {digest_tree(tree)}


def test_root_named_by_a_link_is_read(tree, tmp_path):
    (tmp_path / "latest").symlink_to(tree)
    (tmp_path / "file").symlink_to(tree / "variables.index")
    assert digest_tree(tmp_path / "latest") == digest_tree(tree)
    assert digest_file(tmp_path / "file") == hashlib.sha256(b"index").hexdigest()


@pytest.mark.parametrize(
    ("limits", "name", "reason"),
    [
        ({"entries": 5}, "variables.index", "more than 5 entries"),
        ({"size": 11}, "variables.index", "limit of 11 bytes"),
        ({"depth": 1}, "variables/deep", "deeper than 1 folders"),
        ({"name": 19}, "variables/deep/empty", "longer than 19 bytes"),
    ],
)
def test_tree_beyond_a_limit_is_refused(tree, tmp_path, limits, name, reason):
    small = replace(LIMITS, **limits)
    with pytest.raises(NotPlain, match=reason) as caught:
        copy_tree(tree, tmp_path / "copy", small)
    assert caught.value.name == name or "entries" in limits
    assert not (tmp_path / "copy").exists()
    exact = replace(small, **{key: value + 1 for key, value in limits.items()})
    assert copy_tree(tree, tmp_path / "copy", exact)


def test_nesting_without_end_is_refused(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    with pytest.raises(NotPlain, match="deeper than 64"):
        digest_tree(tmp_path)


def test_second_name_is_refused_only_if_asked(tree, tmp_path):
    os.link(tree / "variables" / "data", tmp_path / "other-name")
    assert digest_tree(tree) == copy_tree(tree, tmp_path / "copy")
    with pytest.raises(NotPlain, match=r"variables/data has a second name"):
        digest_tree(tree, replace(LIMITS, second_names=False))


def test_name_that_is_not_utf8_is_refused_and_shown(tree):
    Path(tree, os.fsdecode(b"raw\xff\x1b")).touch()
    with pytest.raises(NotPlain) as caught:
        digest_tree(tree)
    assert str(caught.value) == r"raw\xff\x1b has a name that is not UTF-8"


def test_file_that_cannot_be_read_is_named(tree, monkeypatch):
    def refuse(path, flags, **more):
        if path == "data":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, **more)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotPlain, match="variables/data cannot be read: Permission denied"):
        digest_tree(tree)


def test_file_replaced_by_a_link_after_listing_is_not_read(tree, private):
    with walk(tree) as entries:
        for entry in entries:
            if entry.name == "variables/data":
                (tree / entry.name).unlink()
                (tree / entry.name).symlink_to(private / "key")
                with pytest.raises(NotPlain, match="variables/data"):
                    entry.open()


@pytest.mark.parametrize("make", [pipe, device])
def test_file_replaced_after_listing_does_not_hold_it_up(tree, make):
    (tree / "vocab.txt").touch()
    with walk(tree) as entries:
        for entry in entries:
            if entry.name == "vocab.txt":
                (tree / entry.name).unlink()
                make(tree, None)
                with pytest.raises(NotPlain, match=r"vocab\.txt is a"):
                    entry.open()


def test_file_replaced_by_another_after_listing_is_not_read(tree, private):
    with walk(tree) as entries:
        for entry in entries:
            if entry.name == "variables/data":
                (private / "key").replace(tree / entry.name)
                with pytest.raises(NotPlain, match="was replaced"):
                    entry.open()


def test_folder_replaced_by_a_link_after_listing_is_not_read(tree, private):
    with walk(tree) as entries:
        assert next(entries).name == "assets"
        (tree / "assets").rmdir()
        (tree / "assets").symlink_to(private)
        with pytest.raises(NotPlain, match="assets"):
            next(entries)


def test_folder_moved_while_it_is_read_does_not_lead_out(tree, private):
    with walk(tree) as entries:
        while next(entries).name != "variables/deep":
            pass
        # A path with ".." or from the root would now lead to the private folder.
        (tree / "variables").rename(tree / "moved")
        (tree / "variables").symlink_to(private)
        (tree / "moved" / "deep").rename(private / "deep")
        with pytest.raises(NotPlain, match="variables/deep cannot be read"):
            next(entries)


def _appending(monkeypatch, path, more):
    """Have ``more`` appended to ``path`` after each time that something is read."""
    real = os.read

    def read(handle, count):
        block = real(handle, count)
        if block:
            with path.open("ab") as file:
                file.write(more)
        return block

    monkeypatch.setattr(plain_files.os, "read", read)


def test_file_that_grows_without_end_is_cut_off(tree, tmp_path, monkeypatch):
    _appending(monkeypatch, tree / "variables" / "data", b"more")
    with pytest.raises(NotPlain, match="variables/data exceeds the limit of 100 bytes"):
        copy_tree(tree, tmp_path / "copy", replace(LIMITS, size=100))
    assert not (tmp_path / "copy").exists()


def test_file_that_is_written_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "model.h5"
    path.write_bytes(b"numbers")
    real = os.read

    def read(handle, count):
        block = real(handle, count)
        if not block:
            path.write_bytes(b"others!")
            os.utime(path, ns=(1, 1))
        return block

    monkeypatch.setattr(plain_files.os, "read", read)
    with pytest.raises(NotPlain, match="it was written to while it was read"):
        copy_file(path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_sparse_file_stays_sparse(tmp_path):
    (tmp_path / "tree").mkdir()
    with (tmp_path / "tree" / "holes").open("wb") as file:
        file.write(b"begin")
        file.seek(32 << 20)
        file.write(b"middle")
        file.truncate(64 << 20)
    digest = copy_tree(tmp_path / "tree", tmp_path / "copy")
    copy = (tmp_path / "copy" / "holes").stat()
    assert (copy.st_size, digest) == (64 << 20, digest_tree(tmp_path / "copy"))
    assert copy.st_blocks * 512 < 8 << 20


@pytest.mark.parametrize("name", ["pipe", "folder", "nothing", "zero\0byte"])
def test_copy_file_takes_files_only(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotPlain, match=r"it (is a|cannot be read)"):
        copy_file(tmp_path / name, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("source", ["file", "nothing"])
def test_digest_tree_takes_folders_only(tmp_path, source):
    (tmp_path / "file").touch()
    with pytest.raises(NotPlain, match="it cannot be read"):
        digest_tree(tmp_path / source)


def test_copy_never_overwrites_and_says_so_of_the_target(tree, tmp_path):
    (tmp_path / "kept").write_text("mine")
    for call in (lambda: copy_tree(tree, tmp_path / "kept"),
                 lambda: copy_file(tree / "variables.index", tmp_path / "kept")):  # fmt: skip
        with pytest.raises(FileExistsError):
            call()
    assert (tmp_path / "kept").read_text() == "mine"
    with pytest.raises(FileNotFoundError):
        copy_tree(tree, tmp_path / "no" / "such")


def test_refused_trees_hold_no_descriptors(tree, monkeypatch):
    _appending(monkeypatch, tree / "variables" / "data", b"more")
    before = set(Path("/proc/self/fd").iterdir())
    errors = []  # each keeps the frames of its traceback alive
    for _ in range(5):
        with pytest.raises(NotPlain) as caught:
            digest_tree(tree, replace(LIMITS, size=500))
        errors.append(caught.value)
    assert set(Path("/proc/self/fd").iterdir()) == before
