"""Measures the verbs that read files: `inspect` on a large one, `predict` on many small ones.

Each is timed as a command of its own, as users run it. The machine is never quiet, so the processor
times are given as well, and the times of a command that only starts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

LARGE_LAYERS, UNITS = 100, 512  # of 512 x 512 float32: 1 MB each
SMALL_FILES = 1000
# A process begins with the peak memory of the one it was forked from: a small one, therefore.
LAUNCH = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
taken, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
figures = [taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3]
print(json.dumps([round(figure, 2) for figure in figures]), file=sys.stderr)
"""


def files() -> dict[str, object]:
    """Return what it costs to inspect 100 MB of HDF5, and to predict a thousand files."""
    with tempfile.TemporaryDirectory() as folder:
        large = _model(Path(folder, "large.h5"), LARGE_LAYERS, UNITS)
        many = Path(folder, "many")
        many.mkdir()
        for number in range(SMALL_FILES):
            _model(many / f"{number}.h5", 3, 4)
        start = _command("--version")
        inspected = _command("inspect", str(large), "--json")
        predicted = _command("predict", str(many), "--json")
        return {
            "start_seconds": start[0],
            "large_file_megabytes": round(large.stat().st_size / 1e6, 1),
            "inspect_large_seconds": inspected[0],
            "inspect_large_processor_seconds": inspected[1],
            "inspect_large_memory_megabytes": inspected[2],
            "predict_files": SMALL_FILES,
            "predict_seconds": predicted[0],
            "predict_processor_seconds": predicted[1],
        }


def _model(path: Path, layers: int, units: int) -> Path:
    """Write a Sequential as TensorFlow 2.9 writes it."""
    inner = [
        {"class_name": "Dense", "config": {"name": f"dense_{number}", "units": units}}
        for number in range(layers)
    ]
    config = {"class_name": "Sequential", "config": {"name": "model", "layers": inner}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.9.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        for number in range(layers):
            group = file.create_group(f"model_weights/dense_{number}/dense_{number}")
            group["kernel:0"] = np.ones((units, units), dtype="float32")
            group["bias:0"] = np.zeros(units, dtype="float32")
    return path


def _command(*arguments: str) -> tuple[float, float, float]:
    """Return the seconds, the seconds of processor time and the megabytes that a command takes."""
    command = [sys.executable, "-S", "-c", LAUNCH, sys.executable, "-m", "kerasmatrix", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    seconds, worked, memory = json.loads(done.stderr.splitlines()[-1])
    return seconds, worked, memory
