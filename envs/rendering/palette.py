"""The colours of all pictures and pages: Okabe and Ito's, which colour-blind readers tell apart."""

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
PINK, SKY, RED = "#CC79A7", "#56B4E9", "#D55E00"
DARK, GREY, LIGHT, PALE = "#222222", "#777777", "#c8c8c8", "#b9cfe0"

COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED, DARK)
"""Colours of things that have no order, in the order in which they are taken."""
