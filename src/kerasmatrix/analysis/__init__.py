"""Pure functions of results: comparison, gate, upgrade, merge, claims, expectations."""
