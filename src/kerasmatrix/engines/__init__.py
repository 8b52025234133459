"""Engines open environments: the contract is in `base`, each engine has its own module."""
