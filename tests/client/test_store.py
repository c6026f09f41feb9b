"""The whole store: what must hold when its process is killed at any moment, again and again."""

import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from client.records import (
    EntryKind,
    IncomingDelivery,
    MessageState,
    OutgoingSend,
    ReceivedMessage,
    Undecryptable,
)
from client.store import STORE_FILE_NAME, Store
from protocol.e2e.message import PrekeyMessage, decode
from protocol.ids import MessageNumber, Seq
from tests.client.phones import SettableClock, TestPhone, seeded_entropy
from tests.client.relay_model import AcceptedAnswer, Answer, OutOfOrderAnswer, RefusedAnswer, RelayModel

Phones = tuple[TestPhone, TestPhone]

ROUNDS = 4


def run_and_kill(task: str, home: Path, argument: str, lines: int) -> list[str]:
    """Start a worker, let it print some lines, kill it while it goes on; all that it printed.

    It is killed while it runs on, so the moment is a different one in each run, inside a transaction often.
    """
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.client.crash_worker", task, str(home), argument],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with worker:
        assert worker.stdout is not None
        printed = [worker.stdout.readline() for _ in range(1 + lines)]
        worker.kill()
        printed += worker.stdout.readlines()
    assert worker.returncode == -signal.SIGKILL == -9
    # A line that was cut by the kill did not go out whole; whoever would have read it saw nothing.
    return [line.strip() for line in printed[1:] if line.endswith("\n")]


def message_key_id(ciphertext: bytes) -> tuple[bytes, int]:
    """Which message key sealed this: there is one for each ratchet key and number."""
    message = decode(ciphertext)
    inner = message.message if isinstance(message, PrekeyMessage) else message
    return inner.ratchet_key, inner.n


@pytest.mark.slow
def test_no_message_key_is_used_twice_and_nothing_is_lost_when_a_sender_is_killed(friends: Phones) -> None:
    alice, bob = friends
    # A running session, so that the ratchet is past its first chain.
    bob.read(alice, alice.send(bob, "hello"))
    alice.read(bob, bob.send(alice, "hello"))
    alice.store.mark_accepted(bob.user, MessageNumber(1))
    alice.store.close()

    went_out: dict[tuple[bytes, int], str] = {}  # {message key: the line that went out under it}
    moments = random.Random(1)
    for _ in range(ROUNDS):
        for line in run_and_kill("send", alice.home, str(bob.user), moments.randrange(1, 25)):
            ciphertext = bytes.fromhex(line.split()[2])
            assert went_out.setdefault(message_key_id(ciphertext), line) == line

    alice.store = Store.open(alice.home, seeded_entropy(7), SettableClock())
    sends = alice.store.unresolved_sends()
    assert [send.number for send in sends] == list(range(2, len(sends) + 2))
    stored = {f"{send.message_id} {send.number} {send.parts[0].ciphertext.hex()}" for send in sends}
    assert set(went_out.values()) <= stored
    while (queued := alice.store.next_to_encrypt()) is not None:
        sends.append(alice.store.encrypt(queued.message_id))
    received = [bob.receive(alice, send) for send in sends]
    assert all(isinstance(one, ReceivedMessage) for one in received)
    assert len(bob.store.history()) == len(alice.store.history()) == len(sends) + 2


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_a_receiver_is_killed(friends: Phones, tmp_path: Path) -> None:
    alice, bob = friends
    count = 100
    sends = [alice.send(bob, f"text {n}") for n in range(count)]
    deliveries = tmp_path / "deliveries"
    deliveries.write_text(
        "".join(f"{alice.user} 1 {send.number} {send.parts[0].ciphertext.hex()}\n" for send in sends)
    )
    bob.store.close()

    moments = random.Random(2)
    acknowledged = cursor = 0
    while acknowledged < count:
        # Two at least, because the first one is the repetition of what was stored last.
        lines = min(moments.randrange(2, 60), count - max(cursor - 1, 0))
        acknowledged = int(run_and_kill("receive", bob.home, str(deliveries), lines)[-1])
        with Store.open(bob.home, seeded_entropy(8), SettableClock()) as store:
            cursor = store.cursor()
        assert cursor >= acknowledged, "what is acknowledged is stored"

    bob.store = Store.open(bob.home, seeded_entropy(9), SettableClock())
    assert bob.texts() == [f"text {n}" for n in range(count)]
    assert {entry.kind for entry in bob.store.history()} == {EntryKind.TEXT}


def test_a_store_opened_again_goes_on_where_it_was(friends: Phones) -> None:
    alice, bob = friends
    for text in ("one", "two", "three"):
        assert bob.read(alice, alice.send(bob, text)) == text
        alice.reopen()
        bob.reopen()
        assert alice.read(bob, bob.send(alice, text)) == text
    assert alice.texts() == bob.texts() == ["one", "one", "two", "two", "three", "three"]


def test_closing_twice_is_harmless(phones: Phones) -> None:
    alice, _ = phones
    alice.store.close()
    alice.store.close()


def test_a_step_that_fails_half_way_leaves_session_and_number_as_they_were(friends: Phones) -> None:
    alice, bob = friends
    bob.read(alice, alice.send(bob, "one"))
    database = alice.store._database
    database.execute("CREATE TRIGGER full BEFORE INSERT ON parts BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    message_id = alice.store.queue_text(bob.user, "two")
    before = database.value("SELECT record FROM sessions")
    with pytest.raises(Exception, match="disk full"):
        alice.store.encrypt(message_id)
    assert database.value("SELECT record FROM sessions") == before
    assert [send.number for send in alice.store.unresolved_sends()] == [1]
    database.execute("DROP TRIGGER full")
    send = alice.store.encrypt(message_id)
    assert send.number == 2
    assert bob.read(alice, send) == "two"


def test_the_whole_way_of_a_message_in_ticks(friends: Phones) -> None:
    alice, bob = friends
    send = alice.send(bob, "hello")
    seen = []
    for step in (alice.store.mark_accepted, alice.store.mark_delivered, alice.store.mark_read):
        assert step(bob.user, send.number) == [send.message_id]
        entry = alice.store.entry(send.message_id)
        assert entry is not None
        seen.append(entry.state)
    assert seen == [MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ]


def test_no_plaintext_is_left_outside_the_store_file(friends: Phones) -> None:
    alice, bob = friends
    alice.send(bob, "a very particular sentence")
    alice.store.close()
    found = [path.name for path in alice.home.iterdir() if b"very particular" in path.read_bytes()]
    assert found == [STORE_FILE_NAME]


class AnyFate(RuleBasedStateMachine):
    """Alice writes to Bob through a relay, while everything that may go wrong does.

    Connections are cut after any number of sends and answers, acknowledgements get lost, processes restart,
    the relay refuses, and it loses what happened since a backup. In the end everything is connected for once,
    and then: what was not refused has been shown, once, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.alice = TestPhone(Path(self.folder.name) / "alice", 0xA11CE, "+4930111111")
        self.bob = TestPhone(Path(self.folder.name) / "bob", 0xB0B, "+4930222222")
        self.relay = RelayModel(self.bob.device)
        self.backup = self.relay.backup()
        self.shown: list[str] = []

    # ------------------------------------------------------------- what happens

    @rule(count=st.integers(1, 3))
    def write(self, count: int) -> None:
        for _ in range(count):
            self.alice.store.queue_text(self.bob.phone, f"text {len(self.alice.store.history())}")

    @rule(encrypted=st.integers(0, 3), sent=st.integers(0, 4), heard=st.integers(0, 4))
    def connect_alice(self, encrypted: int, sent: int, heard: int) -> None:
        self.prepare()
        for _ in range(encrypted):
            self.encrypt_next()
        answers = [self.relay.take(send) for send in self.alice.store.unresolved_sends()[:sent]]
        for answer in answers[:heard]:
            if not self.hear(answer):
                break  # the rest of the answers are to sends that the client has already given up

    @rule(received=st.integers(0, 5), acknowledged=st.booleans())
    def connect_bob(self, received: int, acknowledged: bool) -> None:
        deliveries = [self.delivery(*queued) for queued in self.relay.queue[:received]]
        for one in self.bob.store.receive_all(deliveries):
            assert not isinstance(one, Undecryptable)
            if isinstance(one, ReceivedMessage):
                assert one.text is not None
                self.shown.append(one.text)
        if deliveries and acknowledged:
            self.relay.acknowledge(deliveries[-1].seq)

    @rule(side=st.sampled_from(["alice", "bob"]))
    def restart(self, side: str) -> None:
        (self.alice if side == "alice" else self.bob).reopen()

    @rule()
    def tick(self) -> None:
        self.alice.store.mark_delivered(self.bob.user, MessageNumber(self.relay.delivered))

    @rule()
    def refuse_the_next(self) -> None:
        self.relay.refuse_next = "mailbox-full"

    @rule()
    def back_up_the_relay(self) -> None:
        self.backup = self.relay.backup()

    @rule()
    def restore_the_relay(self) -> None:
        self.relay = self.backup.backup()

    # ------------------------------------------------------------- how the client acts

    def prepare(self) -> None:
        """What is asked on each new connection."""
        self.alice.store.settle_progress(self.bob.user, MessageNumber(self.relay.accepted))
        for phone in self.alice.store.phones_to_look_up():
            self.alice.store.learn_phone(phone, self.bob.user)
        for user in self.alice.store.users_needing_bundles():
            self.alice.store.learn_bundles(user, [(self.bob.device, self.bob.bundle())])

    def encrypt_next(self) -> bool:
        queued = self.alice.store.next_to_encrypt()
        if queued is not None:
            self.alice.store.encrypt(queued.message_id)
        return queued is not None

    def hear(self, answer: Answer) -> bool:
        match answer:
            case AcceptedAnswer(number):
                self.alice.store.mark_accepted(self.bob.user, number)
                return True
            case OutOfOrderAnswer(expected):
                self.alice.store.settle_out_of_order(self.bob.user, expected)
            case RefusedAnswer(number, error_name):
                self.alice.store.refuse(self.bob.user, number, error_name)
        return False

    def delivery(self, seq: int, send: OutgoingSend) -> IncomingDelivery:
        sender = self.alice.account.address
        return IncomingDelivery(Seq(seq), sender, send.number, send.parts[0].ciphertext)

    # ------------------------------------------------------------- and how it ends

    def teardown(self) -> None:
        self.relay.refuse_next = None
        self.prepare()
        while self.encrypt_next():
            pass
        for _ in range(1_000):
            if not (sends := self.alice.store.unresolved_sends()):
                break
            self.hear(self.relay.take(sends[0]))
        self.connect_bob(10_000, acknowledged=True)
        self.tick()
        entries = self.alice.store.history()
        wanted = [entry.text for entry in entries if entry.state is not MessageState.FAILED]
        assert self.shown == wanted
        assert self.bob.texts() == wanted
        self.alice.store.close()
        self.bob.store.close()
        self.folder.cleanup()


TestAnyFate = pytest.mark.slow(AnyFate.TestCase)
TestAnyFate.settings = settings(
    max_examples=20, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow]
)
