"""Where environments come from: locks, interpreters, virtual environments, images."""
