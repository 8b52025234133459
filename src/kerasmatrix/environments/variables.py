"""The environment variables of a worker: those that every worker gets, and an environment's own.

They are set when a worker is started, and change nothing that is installed; what is measured may
depend on all of them, so the keys of measurements hold them (`kerasmatrix.execution.plan`).
"""

from __future__ import annotations

from kerasmatrix.config.matrix import Environment

__all__ = ["FIXED", "lasting_variables", "worker_variables"]

# The user's own are left out, since `TF_…` and `KERAS_…` change what is measured. What a release
# does by default it does here, oneDNN included: without it kernels are missing that a plain
# program has. oneDNN is held to the instructions that every machine of the last ten years has:
# its rounding is then the same on all of them, and with AVX-512 the training step of a separable
# convolution overwrites memory (measured in TensorFlow 2.9 to 2.15). A model of half precision is
# excepted (`kerasmatrix.harness.precision`). Operations have one thread, since cells of several
# environments run side by side: their number changes neither what can be called nor, in what was
# measured, a single bit of it.
FIXED = {
    "LANG": "C.UTF-8",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def lasting_variables(environment: Environment) -> dict[str, str]:
    """Return the variables that every worker of ``environment`` has, with the same values."""
    return {**FIXED, **environment.variables}


def worker_variables(environment: Environment, home: str) -> dict[str, str]:
    """Return the variables of a worker: few, and the same on every engine.

    Args:
        environment: whose own variables take precedence.
        home: a folder of this worker's own, since Keras reads and writes ``~/.keras``.
    """
    return {"HOME": home, **lasting_variables(environment)}
