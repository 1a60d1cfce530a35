"""Entries of others: submitted as records, verified by playing their actions again."""
