"""Reads and describes model files without TensorFlow, and without running any of them."""
