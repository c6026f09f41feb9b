"""One socket as a link: each state meets each event, over a socket pair and without any loop."""

import errno
import socket
import sys
from collections.abc import Iterator

import pytest

from actors import socket_link
from actors.errors import MailboxFullError
from actors.network import LinkClosed, Received
from actors.socket_link import READ_BYTES, SocketLink


class Hub:
    """Writes down what a link asks of its network."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def await_readable(self, link: SocketLink) -> None:
        self.asked.append("readable")

    def await_writable(self, link: SocketLink) -> None:
        self.asked.append("writable")

    def await_room(self, link: SocketLink) -> None:
        self.asked.append("room")

    def watch_closing(self, link: SocketLink) -> None:
        self.asked.append("closing")

    def forget(self, link: SocketLink) -> None:
        assert link.fileno() != -1, "the hub must be able to tell whose descriptor it was"
        self.asked.append("forget")

    def let_go(self, link: SocketLink) -> None:
        assert link.fileno() != -1, "the hub must be able to tell whose descriptor it was"
        self.asked.append("let_go")


class Owner:
    """Keeps what it is told; refuses as long as ``full``."""

    def __init__(self) -> None:
        self.is_alive = True
        self.full = False
        self.told: list[object] = []

    def tell_nowait(self, message: object) -> None:
        if self.full:
            raise MailboxFullError("owner", 0)
        self.told.append(message)


class Bench:
    """A link, its peer, its hub and its owner."""

    def __init__(self) -> None:
        sock, self.peer = socket.socketpair()
        sock.setblocking(False)
        self.hub = Hub()
        self.owner = Owner()
        self.link = SocketLink(sock, "peer:1", self.hub)

    def fill(self) -> int:
        """Write until the kernel takes no more; how much it took."""
        self.link.write(b"x" * 10_000_000)
        assert self.link.unsent_bytes > 0
        return 10_000_000 - self.link.unsent_bytes

    def drain(self) -> int:
        """Let the peer read all that it can; how much."""
        self.peer.setblocking(False)
        count = 0
        try:
            while data := self.peer.recv(1_000_000):
                count += len(data)
        except BlockingIOError:
            pass
        return count


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.link.abort()
    bench.link.on_close_timeout()
    bench.peer.close()


@pytest.fixture
def active(bench: Bench) -> Bench:
    bench.link.activate(bench.owner)
    bench.hub.asked.clear()
    return bench


def test_a_new_link_reads_nothing_and_asks_nothing(bench: Bench) -> None:
    bench.peer.send(b"early")
    bench.link.on_readable()
    assert bench.hub.asked == []
    bench.link.activate(bench.owner)
    assert bench.owner.told == [Received(b"early")]


def test_an_active_link_asks_to_be_told_when_it_is_readable(bench: Bench) -> None:
    bench.link.activate(bench.owner)
    assert bench.hub.asked == ["readable"]


def test_after_one_received_it_reads_no_more_until_resumed(active: Bench) -> None:
    active.peer.send(b"one")
    active.link.on_readable()
    active.peer.send(b"two")
    active.link.on_readable()
    assert active.owner.told == [Received(b"one")]
    active.link.resume()
    assert active.owner.told == [Received(b"one"), Received(b"two")]


def test_resume_reads_on_at_once_what_a_full_read_has_left(active: Bench) -> None:
    active.peer.send(b"x" * (READ_BYTES + 1))
    active.link.on_readable()
    active.link.resume()
    assert [len(message.data) for message in active.owner.told if isinstance(message, Received)] == [
        READ_BYTES,
        1,
    ]


def test_a_short_read_before_the_last_event_still_finds_the_end(active: Bench) -> None:
    active.peer.send(b"last")
    active.peer.close()
    active.link.on_readable(hung_up=True)
    active.link.resume()
    assert active.owner.told == [Received(b"last"), LinkClosed("eof")]


def test_an_event_without_bytes_asks_again(active: Bench) -> None:
    active.link.on_readable()
    assert active.hub.asked == ["readable"]
    assert active.owner.told == []


def test_what_the_kernel_does_not_take_waits_for_the_next_writable(active: Bench) -> None:
    taken = active.fill()
    assert active.hub.asked == ["writable"]
    active.link.write(b"tail")
    assert active.link.unsent_bytes == 10_000_000 - taken + 4
    while active.link.unsent_bytes:
        taken += active.drain() and 0
        active.link.on_writable()
    active.link.write(b"direct")
    assert active.hub.asked.count("writable") >= 1
    assert active.link.unsent_bytes == 0


def test_a_failing_send_does_not_lose_what_the_peer_said_before_it_left(active: Bench) -> None:
    active.peer.send(b"because")
    active.peer.close()
    active.link.write(b"are you there?")
    assert active.owner.told == [Received(b"because")]
    active.link.resume()
    assert active.owner.told == [Received(b"because"), LinkClosed("reset")]


def test_a_failing_send_drops_what_is_unsent_and_what_is_written_after(active: Bench) -> None:
    active.fill()
    active.peer.close()
    active.link.on_writable()
    active.link.write(b"in vain")
    assert active.link.unsent_bytes == 0


def test_close_with_nothing_unsent_says_goodbye_at_once_and_lingers(active: Bench) -> None:
    active.link.close()
    assert active.owner.told == [LinkClosed("closed")]
    assert active.peer.recv(1) == b""
    assert active.hub.asked == ["closing", "readable"]
    active.peer.close()
    active.link.on_readable()
    assert active.hub.asked[-1] == "forget"
    assert active.link.fileno() == -1


def test_close_waits_for_what_is_unsent(active: Bench) -> None:
    active.fill()
    active.link.close()
    assert active.owner.told == []
    while active.link.unsent_bytes:
        active.drain()
        active.link.on_writable()
    assert active.owner.told == [LinkClosed("closed")]


def test_a_closing_link_tells_no_more_bytes(active: Bench) -> None:
    active.fill()
    active.link.close()
    active.peer.send(b"too late")
    active.link.on_readable()
    active.link.resume()
    assert active.owner.told == []


def test_a_flush_that_takes_too_long_ends_the_link(active: Bench) -> None:
    active.fill()
    active.link.close()
    active.link.on_close_timeout()
    assert active.owner.told == [LinkClosed("flush-timeout")]


def test_a_flush_that_fails_ends_the_link(active: Bench) -> None:
    active.fill()
    active.link.close()
    active.peer.close()
    active.link.on_writable()
    assert active.owner.told == [LinkClosed("reset")]


def test_a_lingering_link_is_released_when_its_time_is_up_and_tells_nothing_more(active: Bench) -> None:
    active.link.close()
    active.link.on_close_timeout()
    assert active.link.fileno() == -1
    assert active.owner.told == [LinkClosed("closed")]


def test_an_abort_after_the_goodbye_does_not_take_it_back(active: Bench) -> None:
    active.link.write(b"goodbye")
    active.link.close()
    active.link.abort()
    assert active.peer.recv(100) == b"goodbye"
    assert active.link.fileno() != -1
    assert active.owner.told == [LinkClosed("closed")]


def test_a_peer_that_floods_a_lingering_link_is_cut_off(
    active: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_link, "LINGER_BYTES", 2 * READ_BYTES)
    active.link.close()
    active.peer.send(b"x" * READ_BYTES)
    active.link.on_readable()
    assert active.link.fileno() != -1
    active.peer.send(b"x" * (3 * READ_BYTES))
    active.link.on_readable()
    assert active.link.fileno() == -1


def test_abort_is_told_once_and_everything_after_is_a_no_op(active: Bench) -> None:
    active.fill()
    active.link.abort()
    active.link.abort()
    active.link.close()
    active.link.resume()
    active.link.write(b"x")
    active.link.on_close_timeout()
    assert active.owner.told == [LinkClosed("aborted")]
    assert active.link.unsent_bytes == 0
    assert active.hub.asked.count("forget") == 1


def test_a_full_mailbox_keeps_the_bytes_and_reads_nothing_meanwhile(active: Bench) -> None:
    active.owner.full = True
    active.peer.send(b"one")
    active.link.on_readable()
    active.peer.send(b"two")
    active.link.on_readable()
    active.link.resume()
    assert active.hub.asked == ["room"]
    active.owner.full = False
    active.link.tell_untold()
    active.link.resume()
    assert active.owner.told == [Received(b"one"), Received(b"two")]


def test_an_abort_forgets_bytes_that_the_mailbox_had_refused(active: Bench) -> None:
    active.owner.full = True
    active.peer.send(b"one")
    active.link.on_readable()
    active.owner.full = False
    active.link.abort()
    active.link.tell_untold()
    assert active.owner.told == [LinkClosed("aborted")]


def test_a_handover_tells_the_new_owner_what_the_old_one_had_refused(active: Bench) -> None:
    active.owner.full = True
    active.peer.send(b"one")
    active.link.on_readable()
    heir = Owner()
    active.link.activate(heir)
    assert heir.told == [Received(b"one")]


def test_a_link_is_orphaned_when_its_owner_has_died(bench: Bench) -> None:
    assert not bench.link.is_orphaned
    bench.link.activate(bench.owner)
    assert not bench.link.is_orphaned
    bench.owner.is_alive = False
    assert bench.link.is_orphaned


def test_a_link_that_its_owner_has_closed_is_no_orphan(active: Bench) -> None:
    active.fill()
    active.link.close()
    active.owner.is_alive = False
    assert not active.link.is_orphaned


class FailingSocket(socket.socket):
    """A socket whose reads fail as told."""

    error = 0

    def recv(self, *_: object) -> bytes:
        raise OSError(self.error, "planted")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (errno.ECONNRESET, "reset"),
        (errno.ETIMEDOUT, "timeout"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ENOBUFS, "enobufs"),
        (0, "oserror"),
    ],
)
def test_socket_errors_become_reasons(error: int, reason: str) -> None:
    sock = FailingSocket()
    sock.error = error
    link, owner = SocketLink(sock, "peer:1", Hub()), Owner()
    link.activate(owner)
    link.on_readable()
    assert owner.told == [LinkClosed(reason)]


def test_an_idle_link_holds_no_buffers_and_weighs_little(active: Bench) -> None:
    active.peer.send(b"x" * READ_BYTES)
    active.link.on_readable()
    active.link.resume()
    assert active.link._unsent is None
    assert active.link._untold is None
    assert sys.getsizeof(active.link) < 200
