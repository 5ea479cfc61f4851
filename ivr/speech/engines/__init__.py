"""One adapter per speech engine."""
