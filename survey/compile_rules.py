"""Compiles ``prediction/rules.yaml`` to ``rules.json``, which predictions read.

``python survey/compile_rules.py``, after a change of a rule, or of a fix or cause that one names.
"""

from __future__ import annotations

from pathlib import Path

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.prediction.rules import COMPILED
from kerasmatrix.prediction.rules_file import compile_rules, load_rules

FOLDER = Path(__file__).parents[1] / "src/kerasmatrix/prediction"

if __name__ == "__main__":
    rules = load_rules(FOLDER / "rules.yaml", the_catalogue())
    (FOLDER / COMPILED).write_text(compile_rules(rules, the_catalogue()), "utf-8")
