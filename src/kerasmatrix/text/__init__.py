"""Harmful texts: escaped for a terminal, without secrets, searched in linear time."""
