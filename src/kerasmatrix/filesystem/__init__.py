"""Files: read those that a user names, walk trees that a stranger built, write atomically."""
