"""Asks uv's resolver on which platforms each TensorFlow of the matrix can be installed.

``nox -s platforms`` writes ``src/kerasmatrix/environments/platforms.json``. Nothing is installed.
Each release is resolved with the Python and the day of the index of its environment, from wheels
alone: first TensorFlow itself, then its dependencies, unless some of them never had wheels.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uv

from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.environments.platforms import DATA, PLATFORMS

TARGET = Path(__file__).parents[1] / "src/kerasmatrix/environments" / DATA
PARALLEL = 4  # a resolution waits for the index most of the time


def main() -> None:
    """Write the releases with the platforms on which they can be installed."""
    environments = {
        environment.tensorflow or "": environment
        for environment in load_matrix(Path("matrix.yaml")).releases
    }
    questions = [
        (environment, platform) for environment in environments.values() for platform in PLATFORMS
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = pool.map(lambda question: can_install(*question), questions)
        found = dict(zip(questions_of(questions), answers, strict=True))
    lines = []
    for release, environment in environments.items():
        installable = [platform for platform in PLATFORMS if found[release, platform]]
        entry = {"python": environment.python, "platforms": installable}
        lines.append(f" {json.dumps(release)}: {json.dumps(entry)}")
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def questions_of(questions: list[tuple[Environment, str]]) -> list[tuple[str, str]]:
    """Return the questions by the release of TensorFlow."""
    return [(environment.tensorflow or "", platform) for environment, platform in questions]


def can_install(environment: Environment, platform: str) -> bool:
    """Return whether the resolver finds wheels for all packages on a platform."""
    has_wheel = resolves(environment, platform, "--no-deps")
    complete = has_wheel and (bool(environment.source_packages) or resolves(environment, platform))
    print(f"{environment.tensorflow} on {platform}: {complete}", file=sys.stderr)
    return complete


def resolves(environment: Environment, platform: str, *options: str) -> bool:
    """Return whether the resolver finds wheels for TensorFlow, and for its dependencies."""
    command = [
        uv.find_uv_bin(), "pip", "compile", "--quiet", "--only-binary", ":all:",
        "--python-platform", PLATFORMS[platform].triple,
        "--python-version", environment.python,
        "--exclude-newer", environment.as_of.isoformat(), *options, "-",
    ]  # fmt: skip
    done = subprocess.run(
        command,
        input=f"tensorflow=={environment.tensorflow}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "No solution found" not in done.stderr:
        sys.exit(done.stderr)
    return done.returncode == 0


if __name__ == "__main__":
    main()
