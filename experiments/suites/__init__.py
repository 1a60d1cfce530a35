"""Suites: which agents play which environments, and the settings they play with."""
