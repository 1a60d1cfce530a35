"""Schrier's three models of high-throughput experimentation: one file per model, one report."""
