"""Colours are known on a small grid of cells: which method puts them onto the full-size photo best?

Every method gets the photo's lightness and a source of cell colours, no more; the photo's own colours judge.
"""
