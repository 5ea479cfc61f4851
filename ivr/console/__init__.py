"""What agents look at."""
