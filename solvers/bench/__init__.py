"""Measures chroma solvers against each other, all to the same colour error: `python -m solvers.bench`."""
