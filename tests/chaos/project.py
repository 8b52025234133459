"""Projects to do harm to: a folder with a matrix, a store, reports, and nothing outside it.

`stand_in_project` makes one whose environments hold a TensorFlow of a page (``stand_in``), so that
the real command line, the real engine and the real harness run in seconds. `real_project` makes
one of real environments.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.identity import identity_of
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.venvs import COMPLETE, RECIPE, venv_name

if TYPE_CHECKING:
    from tests.chaos.daemon import Daemon

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
GENERATIONS = {"old": 1, "middle": 2, "new": 3}
MODELS = ("plain", "newer", "drifts", "dies", "unsavable")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

OTHERS = {name: importlib.metadata.version(name) for name in ("numpy", "h5py")}
IMAGE_PACKAGES = f"/usr/local/lib/python{PYTHON}/site-packages"
# Says of all packages of a lock that they are installed in a folder.
METADATA = (
    "import pathlib, re, sys; "
    '[(d.mkdir(), (d / "METADATA").write_text(f"Name: {n}\\nVersion: {v}\\n")) '
    'for n, v in re.findall(r"(?m)^([\\w-]+)==(\\S+)", pathlib.Path(sys.argv[1]).read_text()) '
    'for d in [pathlib.Path(sys.argv[2], f"{n}-{v}.dist-info")]]'
)

SAVE = """\
import numpy as np
from tensorflow import keras


def build():
    return keras.build({name!r})


def probe():
    return [np.ones((2, 3), "float32")]
"""
LOAD = """\
from tensorflow import keras


def load(path):
    return keras.models.load_model(path)
"""


@dataclass
class Project:
    """A folder that holds all that its runs leave, and how they are begun."""

    folder: Path
    engine: str
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    daemon: Daemon | None = None

    @property
    def store(self) -> Path:
        return self.folder / ".kerasmatrix"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    @property
    def temporary(self) -> Path:
        return self.folder / "temporary"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def gates(self) -> Path:
        return self.folder / "gates"

    def tasks_done(self) -> int:
        """How many tasks have begun in all runs so far, where the environments tell."""
        try:
            return self.journal.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0

    def command(self, *more: str) -> list[str]:
        program = [sys.executable, "-m", "kerasmatrix", "run", "--engine", self.engine]
        return [*program, *self.arguments, *more]

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        # Whoever has this folder in its variables was started by a run of this project.
        return {**kept, "TMPDIR": str(self.temporary), "COLUMNS": "200", **self.variables}


def stand_in_project(
    folder: Path,
    cache: Path,
    *,
    models: tuple[str, ...] = MODELS,
    formats: tuple[str, ...] = ("h5", "weights"),
    task_seconds: float = 10,
    variables: dict[str, str] | None = None,
    daemon: Daemon | None = None,
) -> Project:
    """Make a project of three environments; ``cache`` has them, or will have.

    With a ``daemon`` they are images there. Nothing is heard from containers, nor is one held.
    """
    project = Project(folder, "local", ("--jobs", "2"), {"KERASMATRIX_CACHE": str(cache)})
    journal, base_image = project.journal, ""
    if daemon:
        project.engine, project.daemon = "docker", daemon
        project.variables["DOCKER_HOST"] = daemon.host
        journal, base_image = Path(os.devnull), f"base_image: {daemon.base_image!r}\n"
    for place in (project.temporary, project.gates, folder / "images" / "locks"):
        place.mkdir(parents=True)
    more = "".join(f", {name}: {value!r}" for name, value in (variables or {}).items())
    environments = ""
    for name, generation in GENERATIONS.items():
        packages = {"tensorflow-cpu": f"2.{generation}.0", **OTHERS}
        lock = "".join(
            f"{each}=={version} \\\n    --hash=sha256:00\n" for each, version in packages.items()
        )
        path = folder / "images" / "locks" / f"{name}.txt"
        path.write_text(lock)
        if not daemon:
            _make_environment(name, Lock(path, lock), cache)
        environments += (
            f'  {name}: {{tensorflow: 2.{generation}.0, python: "{PYTHON}", as_of: 2021-01-01,\n'
            f'    variables: {{STAND_IN_GENERATION: "{generation}", '
            f"STAND_IN_JOURNAL: {str(journal)!r}, "
            f"STAND_IN_GATES: {str(project.gates)!r}{more}}}}}\n"
        )
    for name in models:
        place = folder / "scenarios" / name
        place.mkdir(parents=True)
        (place / "save.py").write_text(SAVE.format(name=name))
        (place / "load.py").write_text(LOAD)
        (place / "scenario.yaml").write_text(f"title: {name}\nshows: what becomes of it\n")
    # The packages are in the image that it starts from, without what an installer says of them.
    (folder / "images" / "Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nARG LOCK\nCOPY ${LOCK} /kerasmatrix/lock.txt\nUSER 0\n"
        f"RUN python -c '{METADATA}' /kerasmatrix/lock.txt {IMAGE_PACKAGES}\nUSER 65534:65534\n"
    )
    (folder / "matrix.yaml").write_text(
        f"schema_version: 1\n{base_image}environments:\n{environments}groups:\n"
        f'  default: {{environments: "*"}}\nscenarios: [{", ".join(models)}]\n'
        f"formats: [{', '.join(formats)}]\n"
        f"limits: {{task_seconds: {task_seconds}, open_seconds: 60}}\n"
    )
    return project


def real_project(
    folder: Path,
    engine: str,
    *,
    environments: tuple[str, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
) -> Project:
    """Make a project of environments and scenarios of this repository."""
    project = Project(folder, engine, ("--jobs", "2"))
    project.temporary.mkdir(parents=True)
    project.gates.mkdir()
    (folder / "matrix.yaml").write_text(
        f"schema_version: 1\nextends: {ROOT / 'matrix.yaml'}\ngroups:\n"
        f"  default: {{environments: [{', '.join(environments)}]}}\n"
        "limits: {task_seconds: 30}\n"
    )
    project.arguments += ("--scenarios", ",".join(scenarios), "--formats", ",".join(formats))
    return project


def _make_environment(name: str, lock: Lock, cache: Path) -> None:
    """Make a virtual environment as the local engine expects to find it."""
    environment = Environment.model_validate(
        {"name": name, "python": PYTHON, "tensorflow": "2.0", "as_of": "2021-01-01"}
    )
    folder = cache / "environments" / venv_name(environment, lock)
    if (folder / COMPLETE).exists():
        return
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # Plain paths: NumPy and h5py of the tests' own environment, after the stand-in.
    paths = [STAND_IN, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (site / "stand_in.pth").write_text("\n".join(dict.fromkeys(map(str, paths))) + "\n")
    path = folder / "lock.txt"
    path.write_text(lock.content)
    subprocess.run([sys.executable, "-c", METADATA, path, site], check=True)
    (folder / COMPLETE).write_text(identity_of(environment, lock, RECIPE) + "\n")
