"""Carries out remedies, and finds what is at fault in a stored architecture."""
