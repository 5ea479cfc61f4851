"""The engine killed again and again while people are at work: `python -m benchmarks.soak --help`."""
