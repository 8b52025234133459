"""Prints ``action.yml`` as a workflow that is called, so that a linter of workflows can read it.

Inputs and steps of an action have the same syntax as those of a called workflow. Keys that only an
action has (author, name) are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml


def as_workflow(text: str) -> str:
    """Return a composite action as the text of a workflow with the same inputs and steps."""
    action = yaml.safe_load(text)
    inputs = {name: {"type": "string", **told} for name, told in action["inputs"].items()}
    steps = action["runs"]["steps"]
    told = {
        "name": action["name"],
        "on": {"workflow_call": {"inputs": inputs}},
        "jobs": {"action": {"runs-on": "ubuntu-24.04", "steps": steps}},
    }
    return yaml.safe_dump(told, sort_keys=False)


if __name__ == "__main__":
    print(as_workflow(Path(sys.argv[1]).read_text(encoding="utf-8")))
