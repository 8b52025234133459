"""Lists what this process has imported, and what is installed in its environment.

The runner compares both with the lock of the environment. Nothing is imported for this list, so
that it shows what a load has really used.
"""

from __future__ import annotations

import os
import sys

# These decide how a model is saved and loaded. Not every TensorFlow imports `keras`.
MODULES = ("tensorflow", "keras", "tf_keras", "numpy", "h5py", "jax", "openvino", "torch")
WANTED = ("Name", "Version")
METADATA = (("dist-info", "METADATA"), ("egg-info", "PKG-INFO"))


def modules() -> dict[str, str]:
    """Return the ``__version__`` of imported modules, by name."""
    versions = {}
    for name in MODULES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            versions[name] = str(version)
    return versions


def distributions() -> dict[str, str]:
    """Return the version of every installed distribution by its name.

    It finds them like `importlib.metadata`, which Python 3.7 lacks.
    """
    versions: dict[str, str] = {}
    for folder in sys.path:
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # an archive, or a folder that is not there
        for entry in entries:
            for ending, name in METADATA:
                if entry.endswith("." + ending):
                    path = os.path.join(folder, entry)
                    headers = _headers(os.path.join(path, name) if os.path.isdir(path) else path)
                    if len(headers) == len(WANTED):
                        # Python imports the first one on its path.
                        versions.setdefault(headers["Name"], headers["Version"])
    return versions


def _headers(path: str) -> dict[str, str]:
    """Return the first headers of a distribution's metadata, up to its name and version."""
    headers: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                key, colon, value = line.partition(":")
                if not line.strip() or not colon or len(headers) == len(WANTED):
                    break
                if key in WANTED:
                    headers[key] = value.strip()
    except OSError:
        pass  # it is being removed, or is damaged: it is not installed
    return headers
