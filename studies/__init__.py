"""Studies: the campaign of your own laboratory, decided one plate after the other."""
