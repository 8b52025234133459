"""Stands in for NumPy, which the page lacks: it computes no digests, for which NumPy is needed."""
