"""What is kept of an account is told whole, to its owner, wherever it lies; and nothing of anybody else."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from protocol import AccountPage, ErrorCode, Failed, FetchAccount, GroupId, GroupSeq, UserId
from relay import account_export
from relay.account_export import export_page
from relay.errors import RefusalError
from relay.worker import Worker
from storage import accounts, groups, settings
from storage.accounts import UserRecord
from storage.groups import Membership
from storage.mailboxes import DeviceCursor, QueuedMessage, append, put_cursor
from tests.helpers.device import Device
from tests.helpers.several_workers import Resident, commit, open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


def whole(worker: Worker, user: UserId) -> tuple[dict[str, list[Any]], int]:
    """All rows by table, and how many pages they took."""
    rows: dict[str, list[Any]] = {}
    begin, pages = b"", 0
    while begin or not pages:
        page, begin = export_page(worker, user, begin)
        pages += 1
        for table, facts in page:
            rows.setdefault(table, []).append(json.loads(facts))
    return rows, pages


async def fetched(device: Device) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    begin = b""
    while True:
        device.say(FetchAccount(1, begin))
        page = await device.expect(AccountPage)
        rows += [(row.table, json.loads(row.facts)) for row in page.rows]
        begin = page.next
        if not begin:
            return rows


async def test_a_device_is_told_what_is_kept_of_its_account(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        ben.close()
        await ben.expect_end()
        anna.send(stage.ben.address.user, 1, b"c" * 70)
        await anna.expect_accepted(1)
        ben = await stage.ben.connect()
        rows = dict(await fetched(ben))
        assert rows["users"]["phone"] == stage.ben.number
        assert rows["phones"]["user"] == rows["users"]["user"] == f"{stage.ben.address.user:016x}"
        assert rows["static_keys"]["static_key"] == stage.ben.keys.public.hex()
        assert (rows["queue"]["sender"], rows["queue"]["bytes"]) == (str(stage.anna.address), 70)
        assert rows["progress"]["accepted"] == 1
        assert stage.anna.number not in json.dumps(rows)


async def test_rows_of_other_workers_are_found_and_nobody_elses(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna, ben = node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")
        for owner in (0, 1):
            group = GroupId(anna.address.user + 1 if owner == 0 else ben.address.user + 1)
            since = Membership(GroupSeq(3))
            members = [groups.put_member(group, who.address.user, since) for who in (anna, ben)]
            commit(node.stores[owner].own, [*members])
        for person in (anna, ben):
            rows, _ = whole(node.worker(person.owner), person.address.user)
            assert [row["user"] for row in rows["users"]] == [f"{person.address.user:016x}"]
            assert [row["phone"] for row in rows["phones"]] == [person.number]
            assert len(rows["group_members"]) == 2
            device = await person.connect()
            assert Counter(table for table, _ in await fetched(device)) == {
                table: len(facts) for table, facts in rows.items()
            }


def fill(node_environment: Any, person: Resident, count: int) -> None:
    """Queue so many messages for a device, and block so many people."""
    cursor, ops = DeviceCursor(), []
    for number in range(1, count + 1):
        message = QueuedMessage(person.address, number, 1, 2, b"c" * 100)  # type: ignore[arg-type]  # a plain int
        cursor, added = append(person.address, cursor, message)
        ops += [*added, settings.add_block(person.address.user, UserId(number), number)]
    commit(node_environment, [*ops, put_cursor(person.address, cursor)])


async def test_pages_are_of_a_frames_size_and_lose_and_repeat_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_workers(tmp_path, sim, 1) as node:
        person = node.add_user(0, "+491713920001")
        fill(node.stores[0].own, person, 1_000)
        rows, pages = whole(node.worker(0), person.address.user)
        assert pages > 3
        assert [row["seq"] for row in rows["queue"]] == list(range(1, 1_001))
        assert [row["since"] for row in rows["blocks"]] == list(range(1, 1_001))
        monkeypatch.setattr(account_export, "MAX_LOOKS", 7)
        again, more_pages = whole(node.worker(0), person.address.user)
        assert again == rows
        assert more_pages > 280
        monkeypatch.setattr(
            account_export, "MAX_PAGE_BYTES", 1
        )  # a row that is longer than a page goes alone
        assert whole(node.worker(0), person.address.user)[0] == rows


async def test_whatever_a_page_is_said_to_begin_with_only_own_rows_are_found(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 1) as node:
        people = [node.add_user(0, f"+49171392000{number}") for number in range(1, 4)]
        _, middle, _ = sorted(people, key=lambda person: person.address.user)
        worker = node.worker(0)
        for table in ("users", "phones", "static_keys", "group_members"):
            for key in (b"\x00", b"+49", bytes(8), b"\xff" * 32):
                rows, _ = export_page(worker, middle.address.user, table.encode() + b"\0" + key)
                told = json.dumps(rows)
                for other in people:
                    assert (other is middle) or other.number not in told
        with pytest.raises(RefusalError, match="no-such-request"):
            export_page(worker, middle.address.user, b"secrets\0")


async def test_an_account_without_a_row_of_its_own_has_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_workers(tmp_path, sim, 1) as node:
        assert whole(node.worker(0), UserId(99)) == ({}, 1)
        assert accounts.put_user(UserId(99), UserRecord("+491", 0))


async def test_pages_are_counted(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        for _ in range(600):
            stage.running.worker.limits.check_export(stage.anna.address.user, 0.0)
        anna.say(FetchAccount(1, b""), FetchAccount(2, b"secrets"))
        codes = [(await anna.expect((AccountPage, Failed))) for _ in range(2)]
        assert isinstance(codes[1], Failed)
        assert codes[1].code in (ErrorCode.WAIT, ErrorCode.NO_SUCH_REQUEST)
