"""The configuration of a project: ``matrix.yaml`` and scenarios, with line numbers in errors."""
