"""The editor: a person corrects a photo's colours in the browser; `hybrid edit`."""
