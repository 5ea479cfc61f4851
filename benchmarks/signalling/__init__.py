"""How much signalling one process takes, beside two other stacks. ``python -m benchmarks.signalling --help``."""
