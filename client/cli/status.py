"""Says how a phone is doing, from its folder alone: who it is, what waits, what is unread.

Reached as ``roost status --home DIR``.
"""

from pathlib import Path

from actors.ports import system_clock, system_entropy
from client.cli.command import DONE, print_json, report
from client.errors import ClientError, NoAccountError
from client.home_lock import HomeLock
from client.phone_numbers import readable_number
from client.records import Account, HistoryEntry, MessageState
from client.relay_url import parse_relay_url
from client.store import Store


def home_status(home: Path, as_json: bool) -> int:
    """Print the status of a home; 0 done, 2 if nobody is registered in it."""
    try:
        account, entries, groups = _read(home)
    except ClientError as error:
        return report(error)
    facts = _facts(home, account, entries, groups)
    if as_json:
        print_json(**facts)
    else:
        _print(account, facts)
    return DONE


def _read(home: Path) -> tuple[Account, list[HistoryEntry], int]:
    if not home.is_dir():
        raise NoAccountError(home)
    with Store.open(home, system_entropy, system_clock) as store:
        account = store.account()
        if account is None:
            raise NoAccountError(home)
        return account, store.history(), sum(group.is_member for group in store.groups.all())


def _facts(home: Path, account: Account, entries: list[HistoryEntry], groups: int) -> dict[str, object]:
    states = [entry.state for entry in entries]
    return {
        "phone": account.phone,
        "user": f"{account.user:016x}",
        "device": account.device,
        "relay": parse_relay_url(account.relay_url).place,
        "logged_out": account.logged_out,
        "in_use": _is_in_use(home),
        "groups": groups,
        "messages": len(entries),
        "unread": states.count(MessageState.RECEIVED),
        "outbox": states.count(MessageState.PENDING),
    }


def _is_in_use(home: Path) -> bool:
    """Whether a listen or chat runs on the home at this moment."""
    lock = HomeLock.try_acquire(home)
    if lock is None:
        return True
    lock.release()
    return False


def _print(account: Account, facts: dict[str, object]) -> None:
    print(f"{readable_number(account.phone)}  (device {account.device} of user {account.user:016x})")
    print(f"  relay     {facts['relay']}")
    if account.logged_out:
        print("  account   logged out: the number was registered anew elsewhere")
    print(f"  groups    {facts['groups']}")
    print(f"  messages  {facts['messages']}, of which {facts['unread']} unread")
    print(f"  outbox    {facts['outbox']} waiting to be accepted")
    print(f"  in use    {'yes, by another command' if facts['in_use'] else 'no'}")
