"""Two phones and a relay node, all real: sockets, disks, clocks. The story that Roost exists for."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from actors.ports import system_clock, system_entropy
from actors.reactor import open_reactor
from client import (
    Account,
    Applicant,
    ClientError,
    Connectivity,
    MessageState,
    Phone,
    RelayUrl,
    open_application,
    open_phone,
    parse_relay_url,
)
from client.code_file import wait_for_code
from client.database import Database
from client.errors import RelayKeyError
from client.records import EntryKind
from client.registration import Application
from client.store import STORE_FILE_NAME
from relay.assignment import Assignment
from relay.config import Config, HostPort
from relay.device_port import open_device_port
from relay.node import relay_address
from relay.tree import relay_tree
from relay.worker_process import open_worker
from storage import prepare_store

ANN, BEN = "+491713920001", "+491713920002"


@dataclass
class Street:
    """A relay node and the folders of its phones."""

    url: RelayUrl
    folder: Path

    def home(self, name: str) -> Path:
        return self.folder / name

    async def register(
        self, name: str, phone: str, url: RelayUrl | None = None, *, takes_over: bool = False
    ) -> Account:
        async with (
            open_reactor() as network,
            open_application(
                self.home(name),
                Applicant(url or self.url, phone, takes_over=takes_over),
                network=network,
                entropy=system_entropy,
                clock=system_clock,
            ) as application,
        ):
            return await self._prove(application, phone)

    async def _prove(self, application: Application, phone: str) -> Account:
        codes = self.folder / "codes.jsonl"
        before = codes.read_bytes().count(b"\n") if codes.exists() else 0
        await application.request_code()
        return await application.register(await wait_for_code(codes, phone, before))


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    config = Config(
        listen=HostPort("127.0.0.1", 0),
        admin=None,
        data=tmp_path / "node",
        sms=f"file:{tmp_path}/codes.jsonl",
    )
    ports = await open_device_port(config.listen, 1)
    assignment = Assignment(0, "test", (os.dup(ports.descriptors[0]),), config)
    ports.close()
    with prepare_store(config.data, 1, print):
        async with open_worker(assignment) as (worker, port):
            root = await worker.system.start(lambda: relay_tree(worker, port, None))
            place = HostPort(port.host, port.port)
            street = Street(parse_relay_url(relay_address(place, worker.secrets.static_key)), tmp_path)
            await street.register("ann", ANN)
            await street.register("ben", BEN)
            yield street
            await root.stop()


async def came_to(phone: Phone, message_id: str, state: MessageState) -> None:
    with trio.fail_after(20):
        entry = await phone.wait_for(message_id, state)
    assert state <= entry.state <= MessageState.READ


async def stopped(phone: Phone) -> ClientError:
    """Wait until the phone has stopped for good; returns why."""
    with trio.fail_after(20):
        with phone.events.subscribe() as events:
            while phone.connection.connectivity is not Connectivity.STOPPED:
                await events.next()
    assert phone.connection.error is not None
    return phone.connection.error


def listening(home: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "roost", "listen", "--home", str(home), "--json"]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


async def test_two_phones_talk_and_the_ticks_are_right(street: Street) -> None:
    async with open_phone(street.home("ann")) as ann, open_phone(street.home("ben")) as ben:
        question = ann.send_text(BEN, "Are you there?")
        await came_to(ann, question, MessageState.DELIVERED)
        assert [(entry.phone, entry.text) for entry in ben.unread()] == [(ANN, "Are you there?")]
        ben.mark_seen()
        await came_to(ann, question, MessageState.READ)
        answer = ben.send_text(ANN, "Yes")
        await came_to(ben, answer, MessageState.DELIVERED)
        assert [entry.text for entry in ann.history()] == ["Are you there?", "Yes"]


async def test_one_goes_offline_is_written_to_and_comes_back(street: Street) -> None:
    async with open_phone(street.home("ann")) as ann:
        sent = [ann.send_text(BEN, f"message {number}") for number in range(20)]
        await came_to(ann, sent[-1], MessageState.ACCEPTED)
        async with open_phone(street.home("ben")) as ben:
            await came_to(ann, sent[-1], MessageState.DELIVERED)
            assert [entry.text for entry in ben.unread()] == [f"message {number}" for number in range(20)]
            ben.mark_seen()
        for message_id in sent:
            await came_to(ann, message_id, MessageState.READ)


async def test_a_relay_that_holds_another_key_is_refused(street: Street) -> None:
    other = RelayUrl(street.url.host, street.url.port, b"k" * 32)
    with pytest.raises(BaseExceptionGroup) as caught:
        await street.register("cleo", "+491713920003", other)
    assert caught.group_contains(RelayKeyError, match="does not hold the key")


async def test_the_same_phone_started_elsewhere_stops_the_first(street: Street) -> None:
    shutil.copytree(street.home("ann"), street.home("a copy of ann"))
    async with open_phone(street.home("ann")) as first:
        await first.wait_online()
        async with open_phone(street.home("a copy of ann")) as second:
            await second.wait_online()
            assert (await stopped(first)).name == "replaced"


async def test_a_number_registered_anew_logs_the_old_phone_out_and_its_friends_are_told(
    street: Street,
) -> None:
    async with open_phone(street.home("ann")) as ann:
        async with open_phone(street.home("ben")) as old:
            await came_to(ann, ann.send_text(BEN, "to the old phone"), MessageState.DELIVERED)
            await street.register("new ben", BEN, takes_over=True)
            assert (await stopped(old)).name == "logged-out"
        message_id = ann.send_text(BEN, "to the new phone")
        async with open_phone(street.home("new ben")) as new:
            await came_to(ann, message_id, MessageState.DELIVERED)
            assert [entry.text for entry in new.unread()] == ["to the new phone"]
            answer = new.send_text(ANN, "it is me")
            await came_to(new, answer, MessageState.DELIVERED)
        kinds = [entry.kind for entry in ann.history()]
        assert kinds == [EntryKind.TEXT, EntryKind.TEXT, EntryKind.SECURITY_CODE_CHANGED, EntryKind.TEXT]


async def test_a_phone_whose_sessions_are_lost_is_sent_the_message_again(street: Street) -> None:
    async with open_phone(street.home("ann")) as ann:
        async with open_phone(street.home("ben")) as ben:
            await came_to(ann, ann.send_text(BEN, "before"), MessageState.DELIVERED)
            await came_to(ben, ben.send_text(ANN, "an answer"), MessageState.DELIVERED)
            await came_to(ann, ann.send_text(BEN, "in the running session"), MessageState.DELIVERED)
        with closing(Database.open(street.home("ben"), STORE_FILE_NAME)) as database:
            database.execute("DELETE FROM sessions")
        ann.send_text(BEN, "can you read this?")
        async with open_phone(street.home("ben")) as ben:
            await shows(ben, "can you read this?")
            assert len(ben.history()) == 4


async def test_a_home_put_back_from_a_copy_heals(street: Street) -> None:
    async with open_phone(street.home("ann")) as ann:
        async with open_phone(street.home("ben")) as ben:
            await came_to(ann, ann.send_text(BEN, "before"), MessageState.DELIVERED)
            await came_to(ben, ben.send_text(ANN, "before"), MessageState.DELIVERED)
        shutil.copytree(street.home("ben"), street.home("a copy of ben"))
        async with open_phone(street.home("ben")) as ben:
            for number in range(3):
                await came_to(ann, ann.send_text(BEN, f"question {number}"), MessageState.DELIVERED)
                await came_to(ben, ben.send_text(ANN, f"answer {number}"), MessageState.DELIVERED)
        async with open_phone(street.home("a copy of ben")) as ben:
            await came_to(ann, ann.send_text(BEN, "to the copy"), MessageState.DELIVERED)
            await shows(ben, "to the copy")
            await came_to(ben, ben.send_text(ANN, "from the copy"), MessageState.DELIVERED)
        await shows(ann, "from the copy")
        texts = [entry.text for entry in ann.history()]
        assert len(texts) == len(dict.fromkeys(texts)) + 1  # "before" was said by both


async def shows(phone: Phone, text: str) -> None:
    """Wait until the last line of the history is this text."""
    with trio.fail_after(20), phone.events.subscribe() as events:
        while phone.history()[-1].text != text:
            await events.next()


@pytest.mark.slow
async def test_a_phone_killed_again_and_again_neither_loses_nor_repeats_a_message(street: Street) -> None:
    chance = random.Random(5)
    printed: list[str] = []
    async with open_phone(street.home("ann")) as ann:
        sent: list[str] = []
        for _ in range(4):
            ear = listening(street.home("ben"))
            for _ in range(25):
                sent.append(ann.send_text(BEN, f"message {len(sent)}"))
                await trio.sleep(0.02 * chance.random())
            with trio.move_on_after(5):
                await ann.wait_for(sent[-chance.randrange(1, 20)], MessageState.DELIVERED)
            ear.send_signal(signal.SIGKILL)
            out, _ = await trio.to_thread.run_sync(ear.communicate)
            printed += [json.loads(line)["text"] for line in out.splitlines() if line.endswith("}")]
        await came_to(ann, sent[-1], MessageState.ACCEPTED)
        async with open_phone(street.home("ben")) as ben:
            await came_to(ann, sent[-1], MessageState.DELIVERED)
            expected = [f"message {number}" for number in range(len(sent))]
            assert [entry.text for entry in ben.history()] == expected
            unread = [str(entry.text) for entry in ben.unread()]
    # What was printed and what still waits to be printed is everything, in order; only what was being printed
    # at the moment of a kill may be both.
    assert list(dict.fromkeys(printed + unread)) == expected
