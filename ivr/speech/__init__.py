"""Hearing and voice: contracts, grammars, the library of rendered clips."""
