"""``matrix.yaml`` and scenarios: what a project configures, typed, with line numbers in errors."""
