"""Lets a name follow somebody to another number.

A function on the database and no method of the book: those who learn numbers (client/peers.py) are what the
book itself is built on.
"""

from client.database import Database


def move_name(database: Database, old: str, new: str) -> None:
    """Whoever had ``old`` has ``new`` now: in the book too, unless the new number has a name there.

    Only inside a transaction.
    """
    database.execute(
        "INSERT INTO contacts (phone, name, is_due, asked_at) SELECT ?, name, 0, asked_at FROM contacts"
        " WHERE phone = ? ON CONFLICT (phone) DO UPDATE"
        " SET name = CASE name WHEN '' THEN excluded.name ELSE name END",
        new,
        old,
    )
    database.execute("DELETE FROM contacts WHERE phone = ?", old)
