"""Writes the test vectors: ``python -m tests.vectors``, or ``make vectors``."""

from tests.vectors.files import FILES, FOLDER, write_all

changed = write_all(FOLDER)
print(f"{len(FILES)} files in {FOLDER}; changed: {', '.join(changed) or 'none'}")
