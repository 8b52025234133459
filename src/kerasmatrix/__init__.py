"""kerasmatrix: which saved Keras models load in which TensorFlow, found out by experiment."""

__version__ = "0.1.0"
