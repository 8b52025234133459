"""Save a model; compress the archive.

By hand: ``python save.py model.keras``
"""

import sys
import zipfile

from tensorflow import keras


def build():
    inputs = keras.Input(shape=(3,))
    x = keras.layers.Dense(4, activation="tanh", name="first")(inputs)
    return keras.Model(inputs, keras.layers.Dense(4, name="second")(x))


def after_save(path):
    if not zipfile.is_zipfile(path):  # TensorFlow up to 2.12 writes HDF5 under this name
        return
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


if __name__ == "__main__":
    build().save(sys.argv[1])
    after_save(sys.argv[1])
