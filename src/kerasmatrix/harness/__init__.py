"""The part that runs inside an environment: Python 3.7 to 3.13, standard library and TensorFlow.

It imports nothing of the rest of kerasmatrix, and exchanges JSON lines with it (`protocol`).
"""
