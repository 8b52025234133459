"""Load the model.

By hand: ``python load.py model.h5``
"""

import os
import sys
from pathlib import Path

from tensorflow import keras


def load(path):
    # HDF5 looks for the numbers in the working directory.
    os.chdir(Path(path).parent)
    return keras.models.load_model(path)


if __name__ == "__main__":
    load(str(Path(sys.argv[1]).resolve())).summary()
