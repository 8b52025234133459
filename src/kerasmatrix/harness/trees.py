"""Removes and measures folders that a model's code has filled, at any depth, without links.

The runner uses this too, perhaps as root, on folders in which a container may have left anything.
"""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["measure", "remove"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BLOCK = 512  # bytes of a block of ``st_blocks``, in every file system (``man 2 stat``)
# Each round moves nested folders one level up. Deeper ones cannot be created in practice.
ROUNDS = 1_000_000


def remove(path: str, dir_fd: int | None = None) -> bool:
    """Remove a folder and all below it, or a file; return whether nothing is left of it.

    ``shutil.rmtree`` recurses once per level, and fails in a folder that it may not list. Here
    nested folders are moved to the top, one level at a time, and missing rights are restored.

    Args:
        path: the folder. A link is removed, its target is not.
        dir_fd: the folder that ``path`` is relative to, if not the working directory.
    """
    try:
        if not _is_folder(path, dir_fd):
            os.unlink(path, dir_fd=dir_fd)
            return True
        top = _open(path, dir_fd)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        _empty(top)
    finally:
        os.close(top)
    try:
        os.rmdir(path, dir_fd=dir_fd)
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def measure(folder: str, most: int) -> tuple:
    """Return how many bytes and files are in ``folder``; stop after ``most`` files.

    Files that vanish meanwhile are not counted.
    """
    size = count = 0
    waiting = [folder]
    while waiting and count <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_blocks * BLOCK
        except OSError:
            continue
    return size, count


def _empty(top: int) -> None:
    """Remove all that is in an open folder."""
    unique = os.urandom(8).hex()
    number = 0
    for _ in range(ROUNDS):
        names = os.listdir(top)
        progress = False
        for name in names:
            if _removed_file(name, top):
                progress = True
                continue
            try:
                folder = _open(name, top)
            except OSError:
                continue
            try:
                for inner in os.listdir(folder):
                    number += 1
                    if _removed_file(inner, folder) or _moved(
                        inner, folder, f".{unique}-{number}", top
                    ):
                        progress = True
            finally:
                os.close(folder)
            try:
                os.rmdir(name, dir_fd=top)
                progress = True
            except OSError:
                pass
        if not progress:
            return


def _removed_file(name: str, folder: int) -> bool:
    """Remove ``name`` unless it is a folder; return whether it is gone."""
    try:
        if _is_folder(name, folder):
            return False
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _moved(name: str, folder: int, target: str, top: int) -> bool:
    """Move a folder to ``top``; return whether that worked."""
    try:
        try:
            os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
        except PermissionError:
            # A move changes the folder's entry `..`, which takes the right to write into it.
            _allow(name, folder)
            os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
    except OSError:
        return False
    return True


def _open(name: str, folder: int | None) -> int:
    """Open a folder so that its content can be removed; restore missing rights.

    Raises:
        OSError: it is not a folder, or belongs to another user.
    """
    try:
        opened = os.open(name, FOLDER, dir_fd=folder)
    except PermissionError:
        if not _allow(name, folder):
            raise
        opened = os.open(name, FOLDER, dir_fd=folder)
    try:
        if os.fstat(opened).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(opened, 0o700)
    except OSError:
        pass  # it belongs to another user; removing its content may fail
    return opened


def _allow(name: str, folder: int | None) -> bool:
    """Give the owner all rights to a folder; leave a link and its target as they are."""
    try:
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return False
    try:
        if not stat.S_ISDIR(os.fstat(handle).st_mode):
            return False
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _is_folder(name: str, folder: int | None) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
