"""The scenarios of `roost bench`, one module each: what the load does, and which figures come of it."""
