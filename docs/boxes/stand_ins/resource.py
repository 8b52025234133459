"""Stands in for a module that Python lacks in browsers. It is imported, and nothing is called."""
