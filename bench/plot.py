"""Draws ``docs/growth.svg``: what a run itself costs as the matrix grows, as growth.py measured.

``python bench/plot.py reports/bench.json``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

FILE = Path("docs/growth.svg")


def main() -> None:
    """Read the figures of a bench, and draw."""
    sizes = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["growth"]
    sizes = sorted(sizes, key=lambda size: size["cells"])
    cells = [size["cells"] for size in sizes]
    # Text stays text, so that the file is small and can be searched; the same figures, same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "growth", "font.size": 9})
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    time, memory = figure.subplots(1, 2)
    time.plot(cells, [size["run_ms_per_task"] for size in sizes], "o-")
    time.set_title("processor time of the run itself, ms a task")
    memory.plot(cells, [size["run_memory_mb"] for size in sizes], "o-", label="measuring")
    memory.plot(cells, [size["memory_mb"] for size in sizes], "s--", label="writing the reports")
    memory.set_title("memory of the run itself, MB")
    memory.legend()
    for axes in (time, memory):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("cells")
        axes.grid(alpha=0.3)
    figure.savefig(FILE, metadata={"Date": None})
    print(f"Written: {FILE}")


if __name__ == "__main__":
    main()
