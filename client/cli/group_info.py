"""Shows groups: who is in them, what holds in them, how far a message is with whom."""

from collections.abc import Sequence

from client.cli.command import print_json
from client.cli.group_text import group_name, person_name, settings_text
from client.cli.message_json import group_id, person_of, settings_of
from client.cli.rendering import safe_text
from client.groups.records import Asking, Group, GroupMember, MemberTick, Standing
from client.store import Store

_STANDING_WORDS = {
    Standing.UNKNOWN: "not known yet",
    Standing.MEMBER: "member",
    Standing.LEFT: "left",
    Standing.REMOVED: "removed",
    Standing.ASKING: "waiting for an admin's yes",
}


def show_groups(store: Store, *, as_json: bool) -> None:
    """One line, or one object, a group."""
    groups = store.groups.all()
    if as_json:
        for group in groups:
            print_json(**_facts(group))
        return
    for group in groups:
        people = f"{len(group.members)} member{'s' * (len(group.members) != 1)}"
        standing = _STANDING_WORDS[group.standing]
        print(f"{group_id(group.id)}  {group_name(group.id, group.name)}  ({people}; {standing})")
    if not groups:
        print("no groups; make one with: roost group create --name NAME NUMBER ...")


def show_group(
    store: Store,
    group: Group,
    asking: Sequence[Asking],
    *,
    ticks: Sequence[MemberTick] | None = None,
    as_json: bool,
) -> None:
    """All that is known of one."""
    if as_json:
        facts = _facts(group) | {"members": [_member_facts(member) for member in group.members]}
        facts["asking"] = [person_of(each.person) | {"has_link": each.has_link} for each in asking]
        if ticks is not None:
            facts["ticks"] = [
                person_of(tick.person) | {"delivered": tick.has_it, "read": tick.has_read} for tick in ticks
            ]
        print_json(**facts)
        return
    _print(group)
    for each in asking:
        proof = "" if each.has_link else "  (without a link that holds)"
        name = f"{person_name(each.person)}  {each.person.user:016x}"
        print(f"  asks to join  {name}{proof}")
    for tick in ticks or ():
        word = "read" if tick.has_read else "delivered" if tick.has_it else "not delivered yet"
        print(f"  message       {word}: {person_name(tick.person)}")


def _print(group: Group) -> None:
    print(f"{group_name(group.id, group.name)}  ({group_id(group.id)})")
    if group.info.description:
        print(f"  about         {safe_text(group.info.description)}")
    print(f"  you           {_STANDING_WORDS[group.standing]}{', admin' if group.is_admin else ''}")
    if group.problem is not None:
        print(f"  WARNING       the relay's log is not believed ({group.problem}); nothing is sent")
    print(f"  settings      {settings_text(group.settings)}")
    print(f"  link          {'there is an invitation' if group.has_invite else 'none'}")
    for member in group.members:
        role = "admin " if member.is_admin else "member"
        doubt = "" if member.is_key_known else "  (new phone, not confirmed: gets no keys)"
        print(f"  {role}        {person_name(member.person)}{doubt}")


def _facts(group: Group) -> dict[str, object]:
    return {
        "group": group_id(group.id),
        "name": group.name,
        "description": group.info.description,
        "standing": group.standing.name.lower(),
        "admin": group.is_admin,
        "size": len(group.members),
        "settings": settings_of(group.settings),
        "has_link": group.has_invite,
        "problem": group.problem,
    }


def _member_facts(member: GroupMember) -> dict[str, object]:
    return person_of(member.person) | {"admin": member.is_admin, "key_known": member.is_key_known}
