"""What the history says of a group: who came and went, what it is called.

A line names an entry of the log by its place, and is worked out of it: the log is the truth, and is here for
ever. What is no entry (somebody whom nobody let in, a change that nobody signed) is told by the line itself.
"""

import sqlite3
from typing import Final

from client.database import Database
from client.groups.info import GroupInfos
from client.groups.people import People
from client.groups.records import GroupChange, GroupStep
from protocol.ids import GroupId, UserId
from protocol.membership import (
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    Entry,
    Invite,
    Join,
    Leave,
    Promote,
    Rekey,
    Remove,
    Revoke,
    decode_signed_entry,
)

INTRUDER: Final = "intruder"
"""What a line has as its error if somebody spoke whom no admin has let in."""
FORGED: Final = "forged"
"""If the relay showed a change that nobody who may has signed."""

_STEPS: Final = {
    Create: GroupStep.CREATED,
    Add: GroupStep.ADDED,
    Remove: GroupStep.REMOVED,
    Promote: GroupStep.PROMOTED,
    Demote: GroupStep.DEMOTED,
    Leave: GroupStep.LEFT,
    ChangeSettings: GroupStep.SETTINGS,
    Describe: GroupStep.DESCRIBED,
    Invite: GroupStep.INVITED,
    Revoke: GroupStep.REVOKED,
    Join: GroupStep.JOINED,
    Rekey: GroupStep.REKEYED,
}


class GroupLines:
    """Reads the log as lines."""

    def __init__(self, database: Database, people: People, infos: GroupInfos) -> None:
        self._database = database
        self._people = people
        self._infos = infos

    def change(self, row: sqlite3.Row) -> GroupChange:
        """What a line of the kind ``GROUP`` says."""
        author = None if row["author"] is None else self._people.person(UserId(row["author"]))
        if row["error_name"] is not None:
            step = GroupStep.INTRUDER if row["error_name"] == INTRUDER else GroupStep.FORGED
            return GroupChange(step, author)
        group, place = GroupId(row["user"]), row["number"] - 1
        signed: bytes = self._database.value(
            "SELECT entry FROM group_entries WHERE group_id = ? AND place = ?", group, place
        )
        return self._read(decode_signed_entry(signed).entry)

    def _read(self, entry: Entry) -> GroupChange:
        action, author = entry.action, self._people.person(entry.author.user)
        step = _STEPS[type(action)]
        match action:
            case Create(members=members):
                others = self._people.persons(member.user for member in members[1:])
                return GroupChange(step, author, others, self._infos.name_in(entry.group, action.info))
            case Add(members=members):
                return GroupChange(step, author, self._people.persons(member.user for member in members))
            case Remove(users=users) | Promote(users=users) | Demote(users=users):
                return GroupChange(step, author, self._people.persons(users))
            case Describe(info=info):
                return GroupChange(step, author, name=self._infos.name_in(entry.group, info))
            case ChangeSettings(settings=settings):
                return GroupChange(step, author, settings=settings)
        return GroupChange(step, author)
