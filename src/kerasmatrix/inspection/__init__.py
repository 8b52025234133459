"""What a model file is and holds, read without TensorFlow and without running any of it."""
