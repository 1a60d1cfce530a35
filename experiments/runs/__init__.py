"""Runs: episodes are played, scored, and kept as records that can be believed."""
