"""Experimental design: settings are chosen so that the data tell most about unknown parameters."""
