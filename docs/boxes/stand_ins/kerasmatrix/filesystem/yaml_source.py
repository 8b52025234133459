"""Stands in for the reader of YAML files: the bundle has their data as JSON, under their names.

They were checked, with their lines, when the site was built.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import BaseModel

LOADER = yaml.SafeLoader


class YamlSource:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.data = json.loads(path.read_text(encoding="utf-8"))

    def parse(self, model: type[BaseModel]) -> BaseModel:
        """Return the data as ``model``."""
        return model.model_validate(self.data)

    def error(self, location: Any, message: str) -> NoReturn:
        """Raise an error: the build would have found it."""
        raise AssertionError(f"{location}: {message}")
