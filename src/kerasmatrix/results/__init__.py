"""The results of a run: observations, verdicts, and the JSON document that holds them."""
