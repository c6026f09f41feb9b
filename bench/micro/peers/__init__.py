"""The same work on other actor systems; each module is a program: python -m ... BENCH SIZE."""
