"""The part of a run's files that a worker sees.

Each worker writes to its own folder. A worker that measures files of strangers sees the scenario
and the artifact of its present task only, as hard links, which are cheap and read-only to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from kerasmatrix.engines.base import Task, WorkDirs

__all__ = ["WorkerView"]


class WorkerView:
    """The folders of one worker."""

    def __init__(self, whole: WorkDirs, worker: str, *, per_task: bool) -> None:
        """Create the folders.

        Args:
            whole: the folders of the run, all on one file system.
            worker: the name of the worker's folder.
            per_task: whether to show only the files of one task at a time.
        """
        self._whole = whole
        self._per_task = per_task
        own = whole.scratch / worker
        self.dirs = WorkDirs(
            own / "scenarios" if per_task else whole.scenarios,
            own / "artifacts" if per_task else whole.artifacts,
            own / "scratch",
            whole.isolated,
        )
        own.mkdir(exist_ok=True)
        # Whatever the umask is: a container has a user of its own.
        own.chmod(0o755)
        for folder in (self.dirs.scenarios, self.dirs.artifacts, self.dirs.scratch):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)

    def expose(self, task: Task) -> None:
        """Show the files of ``task``, and hide those of other tasks."""
        if not self._per_task:
            return
        for whole, shown, name in (
            (self._whole.scenarios, self.dirs.scenarios, task.scenario),
            (self._whole.artifacts, self.dirs.artifacts, task.artifact),
        ):
            for other in shown.iterdir():
                if other.name != name:
                    shutil.rmtree(other)
            if name and not (shown / name).exists():
                # A file that was removed meanwhile is reported when the task has ended.
                with contextlib.suppress(OSError):
                    _link_tree(whole / name, shown / name)


def _link_tree(source: Path, target: Path) -> None:
    """Create hard links below ``target`` to all files below ``source``, except symbolic links."""
    for root, folders, files in os.walk(source):
        shown = target / Path(root).relative_to(source)
        shown.mkdir()
        folders[:] = [name for name in folders if not Path(root, name).is_symlink()]
        for name in files:
            path = Path(root, name)
            if not path.is_symlink():
                # A link, not a copy: models can have gigabytes, and the folders are on one file
                # system.
                os.link(path, shown / name)
