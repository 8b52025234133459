"""The environment variables of workers: the same for all, and those of the environment.

Results may depend on them, so they are part of the keys of measurements
(`kerasmatrix.execution.plan`).
"""

from __future__ import annotations

from kerasmatrix.config.backend import BACKENDS, KERAS_BACKEND, TENSORFLOW
from kerasmatrix.config.matrix import Environment

__all__ = ["EXPORT", "FIXED", "lasting_variables", "worker_variables"]

# The format to which the harness exports each model that it loads.
EXPORT = "KERASMATRIX_EXPORT"
# Variables of the user are not passed on, since `TF_…` and `KERAS_…` change results. Defaults of
# releases stay as they are. That includes oneDNN: without it, kernels are missing that users have.
# It is limited to AVX2, which all machines of the last ten years have: so its rounding is the same
# everywhere. With AVX-512, the training step of a separable convolution overwrites memory (measured
# in TensorFlow 2.9 to 2.15). Models of half precision are excepted
# (`kerasmatrix.harness.precision`). Operations have one thread, since several environments run at
# once. In measurements, the number of threads changed no bit of a result.
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
    """Return the variables that are the same for all workers of ``environment``."""
    export = {EXPORT: environment.export} if environment.export else {}
    return {**FIXED, **_backend_variables(environment), **environment.variables, **export}


def _backend_variables(environment: Environment) -> dict[str, str]:
    # TensorFlow is what Keras takes anyway, and Keras 2 knows the variable with another meaning.
    if environment.backend == TENSORFLOW:
        return {}
    return {KERAS_BACKEND: environment.backend, **BACKENDS[environment.backend].variables}


def worker_variables(environment: Environment, home: str) -> dict[str, str]:
    """Return the variables of a worker, which are the same on every engine.

    Args:
        environment: its variables take precedence.
        home: a folder of this worker, since Keras reads and writes ``~/.keras``.
    """
    return {"HOME": home, **lasting_variables(environment)}
