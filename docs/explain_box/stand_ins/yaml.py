"""Stands in for PyYAML: the bundle has the data of each YAML file as JSON, under its name."""

from json import loads as safe_load

__all__ = ["safe_load"]
