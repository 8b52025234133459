"""The store of a project: measurements in SQLite, artifacts by content digest, earlier runs."""
