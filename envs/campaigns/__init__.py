"""Campaigns: batches of experiments that cost money, epochs that run out."""
