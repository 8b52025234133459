"""Messages of the causes in reported.yaml, by slug."""

from pathlib import Path

import yaml

FILE = Path(__file__).with_suffix(".yaml")
REPORTED = yaml.safe_load(FILE.read_text(encoding="utf-8"))
