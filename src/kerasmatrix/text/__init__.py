"""Texts that may do harm: escaped for a terminal, without secrets, searched in linear time."""
