"""One caller's whole visit: where the rooms meet."""
