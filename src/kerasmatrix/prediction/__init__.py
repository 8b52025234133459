"""Predicts the result of loading a model file in each environment, without loading it."""
