"""Other servers that get the same work in the same run: which there are, and how each is spoken to."""
