"""A whole engine under the load of a large floor: `python -m benchmarks.ici --help`."""
