"""Models that compute in half precision, for which oneDNN may use all that the processor has.

A worker holds oneDNN to AVX2. TensorFlow does not know of that: on a processor with AVX-512 it
hands bfloat16 (measured: TensorFlow 2.9 to 2.21) and float16 (2.21, with AVX512-FP16) to oneDNN,
which then has no kernel for them: a call raises, or the process aborts. A program of the user's
has no such limit.
"""

from __future__ import annotations

import mmap
import os
import zipfile

__all__ = ["computes_in_half", "lift_limit"]

LIMIT = "ONEDNN_MAX_CPU_ISA"
# In `bfloat16`, `mixed_float16` and `mixed_bfloat16`, too: scripts, HDF5 and the metadata of a
# SavedModel have it as plain text.
HALF = b"float16"
CONFIG, LARGEST_CONFIG = "config.json", 64 << 20


def lift_limit(folder: str) -> None:
    """Lift the limit if what lies in ``folder`` computes in half precision.

    It has an effect until oneDNN is first used in this process.
    """
    if LIMIT in os.environ and computes_in_half(folder):
        del os.environ[LIMIT]


def computes_in_half(folder: str) -> bool:
    """Whether any file in ``folder``, a script or a model, names a type of half precision."""
    return any(
        _names_half(os.path.join(place, name))
        for place, _, names in os.walk(folder)
        for name in names
    )


def _names_half(path: str) -> bool:
    try:
        if not os.path.isfile(path) or not os.path.getsize(path):
            return False
        with open(path, "rb") as file, mmap.mmap(
            file.fileno(), 0, access=mmap.ACCESS_READ
        ) as content:
            return content.find(HALF) >= 0 or HALF in _packed_config(path)
    except (OSError, ValueError):  # it cannot be read: the load itself will say
        return False


def _packed_config(path: str) -> bytes:
    """Return the config of an archive that was packed again; empty for every other file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(CONFIG) as config:
            return config.read(LARGEST_CONFIG)
    except Exception:  # it is none, or a damaged one
        return b""
