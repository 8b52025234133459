"""The first release with which a file breaks, found by halving what lies between two."""
