"""What will become of a model file in each environment, foretold without loading it."""
