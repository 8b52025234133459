"""What a worker sees of a run: a folder of its own to write in, and of the rest what it needs.

Where files of others are measured, that is the scenario and the artifact of the task that it is at,
and nothing of the other files. Hard links make that cheap; to a worker they are read-only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from kerasmatrix.engines.base import Task, WorkDirs

__all__ = ["WorkerView"]


class WorkerView:
    """What one worker sees; ``per_task`` leaves it one task's at a time."""

    def __init__(self, whole: WorkDirs, worker: str, *, per_task: bool) -> None:
        """Make the folders.

        Args:
            whole: all there is, and where folders can be made, on one file system.
            worker: a name for the worker.
            per_task: whether to show just what a task needs.
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
        own.chmod(0o755)
        for folder in (self.dirs.scenarios, self.dirs.artifacts, self.dirs.scratch):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)

    def expose(self, task: Task) -> None:
        """Show what ``task`` needs, and nothing else any more."""
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
                # What was removed in the meantime is found missing when the task has ended.
                with contextlib.suppress(OSError):
                    _link_tree(whole / name, shown / name)


def _link_tree(source: Path, target: Path) -> None:
    """Give all files below ``source`` a second name below ``target``; links are left out."""
    for root, folders, files in os.walk(source):
        shown = target / Path(root).relative_to(source)
        shown.mkdir()
        folders[:] = [name for name in folders if not Path(root, name).is_symlink()]
        for name in files:
            path = Path(root, name)
            if not path.is_symlink():
                os.link(path, shown / name)
