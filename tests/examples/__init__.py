"""Each example is run, and its output read."""
