"""Training: policies are learned, in folders that a killed training goes on in."""
