"""Builds the wheel and installs it as others would: in an environment that knows no checkout."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import uv

from tests.real import ROOT


@dataclass(frozen=True)
class Installed:
    """A wheel, and a virtual environment with it and nox."""

    wheel: Path
    bin: Path

    def run(self, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        """Run an installed command in ``folder``, where pip and uv find the wheel."""
        variables = {
            name: value
            for name, value in os.environ.items()
            if name not in {"PYTHONPATH", "VIRTUAL_ENV"}
        }
        links = str(self.wheel.parent)
        variables |= {
            "PATH": f"{self.bin}{os.pathsep}{variables['PATH']}",
            "PIP_FIND_LINKS": links,
            "UV_FIND_LINKS": links,
            "NOX_DEFAULT_VENV_BACKEND": "uv",
        }
        program, *arguments = command
        return subprocess.run(
            [str(self.bin / program), *arguments],
            cwd=folder, env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip


def install(folder: Path) -> Installed:
    """Build the wheel and install it below ``folder``."""
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder / "dist"), str(ROOT))
    (wheel,) = (folder / "dist").glob("*.whl")
    _uv("venv", "--quiet", "--no-project", "--python", "3.11", str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    _uv(
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(python),
        str(wheel),
        "nox>=2025.2.9",
    )
    return Installed(wheel, python.parent)


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
