"""Many photos at once: which become which files, what is done already, who works on what. See `hybrid.batch.batch`."""
