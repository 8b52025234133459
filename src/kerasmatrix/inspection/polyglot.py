"""Says of a file that is two formats at once which release of Keras loads which.

From the sources of ``load_model``: in TensorFlow 1.15 to 2.8 it asks ``h5py.is_hdf5``, in 2.9 to
2.11 whether the path is a folder, and from 2.12 on (tf_keras and Keras 3, too) first whether the
name ends in ``.keras`` and ``zipfile.is_zipfile``. Keras 3 reads HDF5 only by the name. From 3.4 on
it loads folders with a ``config.json``, and later those of Orbax.
"""

from __future__ import annotations

from pathlib import Path

from kerasmatrix.inspection.file_type import ARCHIVE_NAME, Second

__all__ = ["which_loads_which"]

KERAS_3_HDF5 = (".h5", ".hdf5")
FOLDERS = {
    "keras-folder": "an archive that was unpacked, which load_model of Keras 3.4 and later takes",
    "orbax-checkpoint": "a checkpoint of Orbax, which load_model of the newest Keras 3 takes",
}


def which_loads_which(path: Path, second: Second) -> str:
    """Return the sentence about a file or folder that is also a ``second`` format."""
    if second in FOLDERS:
        return (
            f"it is two models in one folder: a SavedModel, and {FOLDERS[second]}; "
            "Keras 2, and TFSMLayer in Keras 3, load the SavedModel"
        )
    both = "it is two files in one, HDF5 and a zip archive"
    if path.name.endswith(ARCHIVE_NAME):
        return f"{both}: Keras before 2.12 loads the HDF5, Keras 2.12 and later the archive"
    later = f"under a name that ends in {ARCHIVE_NAME}, Keras 2.12 and later load the archive"
    if path.name.endswith(KERAS_3_HDF5):
        return f"{both}: by its name every Keras loads the HDF5; {later}"
    return f"{both}: by its name Keras 2 loads the HDF5 and Keras 3 neither; {later}"
