"""What colouring takes, file to file; run by `python -m hybrid.measure`."""
