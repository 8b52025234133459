"""What a worker sees of a run: a folder of its own to write in, and of the rest what it needs.

Where files of others are measured, that is the scenario and the artifact of the task that it is at,
and nothing of the other files. Hard links make that cheap; to a worker they are read-only.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from kerasmatrix.engines.base import Task, Workplace

__all__ = ["Sight"]


class Sight:
    """What one worker sees; ``narrow`` leaves it one task's at a time."""

    def __init__(self, whole: Workplace, worker: str, *, narrow: bool) -> None:
        """Make the folders.

        Args:
            whole: all there is, and where folders can be made, on one file system.
            worker: a name for the worker.
            narrow: whether to show just what a task needs.
        """
        self._whole = whole
        self._narrow = narrow
        own = whole.scratch / worker
        self.place = Workplace(
            own / "scenarios" if narrow else whole.scenarios,
            own / "artifacts" if narrow else whole.artifacts,
            own / "scratch",
            whole.apart,
        )
        own.mkdir(exist_ok=True)
        own.chmod(0o755)
        for folder in (self.place.scenarios, self.place.artifacts, self.place.scratch):
            if not folder.exists():
                folder.mkdir()
                folder.chmod(0o755)

    def turn_to(self, task: Task) -> None:
        """Show what ``task`` needs, and nothing else any more."""
        if not self._narrow:
            return
        for whole, shown, name in (
            (self._whole.scenarios, self.place.scenarios, task.scenario),
            (self._whole.artifacts, self.place.artifacts, task.artifact),
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
