"""Counts the failing cells of a check of `random_models.py`, and lists those without a fix.

python survey/unfixed.py reports/check/results.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FAILING = ("fail", "drift", "crash", "timeout")


def main(path: str) -> None:
    """Print the shares by cause and fix, then each cell that no fix repairs."""
    results = json.loads(Path(path).read_text(encoding="utf-8"))
    cells = results["cells"]
    failing = [cell for cell in cells if cell["status"] in FAILING]
    fixed = [cell for cell in failing if fixes(cell)]
    statuses = Counter(cell["status"] for cell in cells)
    print(", ".join(f"{count} {status}" for status, count in statuses.most_common()))
    share = f" ({len(fixed) / len(failing):.0%})" if failing else ""
    print(f"{len(fixed)} of {len(failing)} failing cells have a verified fix{share}")
    print("by fix:", dict(Counter(fixes(cell)[0]["id"] for cell in fixed).most_common()))
    print("by cause, fixed and not:")
    for cause, count in Counter(str(cell["cause"]) for cell in failing).most_common():
        of_cause = [cell for cell in fixed if str(cell["cause"]) == cause]
        print(f"  {cause}: {len(of_cause)} of {count}")
    for cell in failing:
        if not fixes(cell):
            print(
                f"\n{cell['scenario']} in {cell['loaded_with']}: {cell['status']}, {cell['cause']}"
            )
            print(f"  {first(cell['summary'])}")
            for remedy in cell["remedies"]:
                print(f"  {remedy['id']}: {remedy['status']}: {first(remedy['summary'])}")


def fixes(cell: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the verified fixes of a cell."""
    return [remedy for remedy in cell["remedies"] if remedy["status"] == "verified"]


def first(text: str) -> str:
    """Return a text on one line of limited length."""
    return " ".join(text.split())[:300]


if __name__ == "__main__":
    main(sys.argv[1])
