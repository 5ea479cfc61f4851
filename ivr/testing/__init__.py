"""Fake clock, scripted phone and peers for tests of calls."""
