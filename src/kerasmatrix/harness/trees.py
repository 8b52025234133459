"""Removes and measures folders that a model's code has filled: no link is followed, no depth hurts.

The runner uses this too, as root at times, on folders in which a container may have left anything.
"""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["measure", "remove"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
BLOCK = 512  # bytes of a block of ``st_blocks``, whatever the file system has
# Each round brings a nested folder one level up; no path that can be made is deeper.
ROUNDS = 1_000_000


def remove(path: str, dir_fd: int | None = None) -> bool:
    """Remove a folder and all below it, or a file; return whether nothing is left of it.

    ``shutil.rmtree`` recurses once for each level, and needs the right to list every folder. Here
    nested folders are moved up to the top, one level at a time, and rights are given where they
    were taken away.

    Args:
        path: the folder. A link is removed, and where it leads to stays as it is.
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
    """Return how many bytes and files there are in ``folder``, counting no further than ``most``.

    What vanishes meanwhile is not counted.
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
    """Remove what is not a folder; return whether it is gone."""
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
            # A folder names its parent, so who moves it must be allowed to write into it.
            _allow(name, folder)
            os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
    except OSError:
        return False
    return True


def _open(name: str, folder: int | None) -> int:
    """Open a folder so that what is in it can be removed, taking the right to it if need be.

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
        pass  # another user's; whether its contents can be removed will show
    return opened


def _allow(name: str, folder: int | None) -> bool:
    """Give the owner all rights to a folder; a link is left alone, and where it leads to."""
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
