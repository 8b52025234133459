"""The backends of Keras 3: what each needs installed and set. Data, with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["BACKENDS", "KERAS_BACKEND", "TENSORFLOW", "Backend", "BackendName"]

BackendName = Literal["tensorflow", "jax", "numpy", "openvino", "torch"]
TENSORFLOW: Literal["tensorflow"] = "tensorflow"
# The variable by which Keras 3 chooses its backend (keras/src/backend/config.py).
KERAS_BACKEND = "KERAS_BACKEND"


@dataclass(frozen=True)
class Backend:
    """A backend of Keras 3.

    Attributes:
        title: its usual name.
        packages: what ``import keras`` needs besides Keras, as names of distributions. Keras's own
            metadata names none of them.
        variables: of workers, besides the one that chooses the backend.
    """

    title: str
    packages: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


# Measured in Keras 3.15.1: without scipy, `import keras` fails with the backends numpy and
# openvino, and with numpy also without jax (keras/src/backend/numpy/math.py imports it).
BACKENDS: Mapping[str, Backend] = {
    TENSORFLOW: Backend("TensorFlow", ()),
    "jax": Backend("JAX", ("jax",), variables={"JAX_PLATFORMS": "cpu"}),
    "numpy": Backend("NumPy", ("jax", "scipy"), variables={"JAX_PLATFORMS": "cpu"}),
    # Its telemetry sends nothing where CI is set (openvino_telemetry/utils/opt_in_checker.py).
    "openvino": Backend("OpenVINO", ("openvino", "scipy"), variables={"CI": "true"}),
    "torch": Backend("PyTorch", ("torch",)),
}
