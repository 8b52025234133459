"""Model files that were saved elsewhere, as rows of a matrix."""
