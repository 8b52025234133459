"""The files of a task: its scenario's scripts, its artifact, and its scratch folder."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import tempfile
from typing import Any

from . import script

__all__ = ["TaskFiles"]

MODULE = ".py"
GIVEN = "given"  # the folder of a scenario with a file that was saved elsewhere


class TaskFiles:
    """The files of one task.

    Attributes:
        scenario: the folder of the scenario.
        folder: the scratch folder of the task.
    """

    def __init__(self, request: dict, scenarios: str, artifacts: str, scratch: str) -> None:
        self.scenario = os.path.join(scenarios, request["scenario"])
        self.folder = os.path.join(scratch, request["id"])
        self._artifact = os.path.join(artifacts, request.get("artifact") or "")
        self._load_names: dict | None = None

    @property
    def is_given(self) -> bool:
        """Whether the scenario is a file that was saved elsewhere."""
        return os.path.isdir(os.path.join(self.scenario, GIVEN))

    @property
    def load_script(self) -> dict:
        """The names that the scenario's ``load.py`` defines; it runs at the first access."""
        if self._load_names is None:
            self._load_names = script.run_script(os.path.join(self.scenario, "load.py"))
        return self._load_names

    def save_script(self) -> dict:
        """Run the scenario's ``save.py``; return the names that it defines."""
        return script.run_script(os.path.join(self.scenario, "save.py"))

    def build(self, names: dict) -> Any:
        """Build the untrained model for weights: by load.py's code, or else by save.py's."""
        return (names if "build" in names else self.save_script())["build"]()

    def import_modules(self, artifact: str) -> None:
        """Import the modules next to a converted model, as a program does before it loads it."""
        names = [name for name in sorted(os.listdir(artifact)) if name.endswith(MODULE)]
        if names:
            sys.path.insert(0, artifact)
        for name in names:
            importlib.import_module(name[: -len(MODULE)])

    def enter_scratch(self) -> None:
        """Make an empty scratch folder the working directory, since scripts may write files."""
        # A worker that died in this very task has left one.
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        os.chdir(self.folder)
        os.environ["TMPDIR"] = tempfile.tempdir = self.folder

    def create(self, name: str) -> str:
        """Create a folder in the scratch folder; return its path."""
        target = os.path.join(self.folder, name)
        os.makedirs(target)
        return target

    def artifact(self) -> str:
        """Return the folder with the model to load and its ``probe.npz``, the sample inputs."""
        return self.with_given(self._artifact)

    def with_given(self, artifact: str) -> str:
        """Return a folder with links to the files of ``artifact`` and to the scenario's given file.

        The latter is left out if ``artifact`` has a model. The folder belongs to the task: Keras
        3.4 and 3.5 unpack an archive's weights next to it, where another version that loads the
        same archive would find half of them.
        """
        given = os.path.join(self.scenario, GIVEN)
        has_model = not os.path.isdir(given) or set(os.listdir(artifact)) - {"probe.npz"}
        together = self.create("together")
        for folder in (artifact,) if has_model else (given, artifact):
            for name in os.listdir(folder):
                os.symlink(os.path.join(folder, name), os.path.join(together, name))
        return together
