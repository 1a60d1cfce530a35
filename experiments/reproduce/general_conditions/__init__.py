"""General reaction conditions by bandits: rules on reaction tables, and the price of late labels."""
