"""Causes of failures: their catalogue, how they are recognized, and which fixes to try."""
