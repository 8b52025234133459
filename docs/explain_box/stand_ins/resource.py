"""Stands in for a module that Python lacks in browsers. `explain` imports it and calls nothing."""
