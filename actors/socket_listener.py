"""An open port that accepts whatever happens: peers that give up, descriptors that run out.

A relay that is out of file descriptors must neither die nor spin nor leave peers waiting for minutes in a
queue that nobody empties. So a listener keeps one descriptor in reserve (on ``/dev/null``). When accepting
fails for want of one it gives the reserve up, accepts and closes the peers that wait, takes the reserve back,
says so in the log, and pauses. (The trick is old; libev's manual describes it as the one for "the special
problem of accept()ing when you can't".)
"""

import errno
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from pathlib import Path

import trio

from actors.local_socket import file_identity, peer_name, remove_local
from actors.network import Link, Listener

log = logging.getLogger("roost.actors")

# How long accepting pauses when the system has no room for another link. Peers that come meanwhile wait in
# the backlog, which the kernel bounds.
PAUSE_SECONDS = 0.1

# How many waiting peers are turned away before each pause.
TURN_AWAY = 64

# A storm of peers while out of descriptors is one fact, not ten lines a second.
LOG_EVERY_SECONDS = 5.0

# No room for another link: the process, the system, the network buffers, the memory, the watches of epoll.
_OUT_OF_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC})

# The peer, or the way to it, broke before we came to it; accept(2) asks to treat these as "try again".
_PEER_GAVE_UP = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,  # a firewall rule said no
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
    }
)


class SocketListener:
    """A ``Listener`` over a listening, non-blocking socket.

    Args:
        sock: the socket; owned from now on.
        adopt: makes an accepted socket a link.
        registry: where the listener stands while it is open, under itself; it takes itself out.
    """

    def __init__(
        self,
        sock: socket.socket,
        adopt: Callable[[socket.socket, str], Link],
        registry: MutableMapping[Listener, None],
    ) -> None:
        self.host, self.port = self._place(sock)
        self._sock = sock
        self._adopt = adopt
        self._registry = registry
        self._closed = False
        self._reserve = _open_reserve()  # a descriptor to give up when there are no others; -1: not held
        self._log_again_at = 0.0  # trio time

    async def accept(self) -> Link:
        """See ``Listener.accept``."""
        # Before the accept, not after: a cancellation must not lose a peer that was already taken.
        await trio.lowlevel.checkpoint()
        while not self._closed:
            try:
                sock, address = self._sock.accept()
                return self._adopt(sock, self._name_peer(sock, address))
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._sock)
            except OSError as error:
                await self._endure(error)
        raise trio.ClosedResourceError("the listener was closed")

    def close(self) -> None:
        """See ``Listener.close``."""
        if self._closed:
            return
        self._closed = True
        self._registry.pop(self, None)
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
        self._give_up_reserve()

    def _place(self, sock: socket.socket) -> tuple[str, int]:
        """Where the socket listens."""
        host, port = sock.getsockname()[:2]
        return host, port

    def _name_peer(self, _sock: socket.socket, address: tuple[object, ...]) -> str:
        """What the link to an accepted peer calls it."""
        return name_address(address)

    async def _endure(self, error: OSError) -> None:
        if error.errno in _PEER_GAVE_UP:
            await trio.lowlevel.checkpoint()
        elif error.errno in _OUT_OF_ROOM:
            turned_away = self._turn_away()
            self._log_out_of_room(error, turned_away)
            await trio.sleep(PAUSE_SECONDS)
        else:
            raise error  # EBADF, EINVAL, ENOTSOCK: a mistake of ours, for the supervisor

    def _turn_away(self) -> int:
        """Accept and close some of the peers that wait; how many."""
        self._give_up_reserve()
        turned_away = 0
        try:
            while turned_away < TURN_AWAY:
                self._sock.accept()[0].close()
                turned_away += 1
        except OSError:
            pass  # nobody waits any more, or another process was faster to take the descriptor
        finally:
            self._reserve = _open_reserve()
        return turned_away

    def _give_up_reserve(self) -> None:
        if self._reserve != -1:
            os.close(self._reserve)
            self._reserve = -1

    def _log_out_of_room(self, error: OSError, turned_away: int) -> None:
        now = trio.current_time()
        if now < self._log_again_at:
            return
        self._log_again_at = now + LOG_EVERY_SECONDS
        log.error(
            "accept_out_of_room",
            extra={
                "error": errno.errorcode.get(error.errno or 0, str(error.errno)),
                "port": self.port,
                "turned_away": turned_away,
                "pause_s": PAUSE_SECONDS,
                "hint": "raise the limit of open files (ulimit -n)",
            },
        )


class LocalListener(SocketListener):
    """A ``Listener`` at a name in the file system, which goes when the listener closes."""

    def __init__(
        self,
        path: Path,
        sock: socket.socket,
        adopt: Callable[[socket.socket, str], Link],
        registry: MutableMapping[Listener, None],
    ) -> None:
        self._path = path
        self._identity = file_identity(path)  # so that a successor's file is left alone
        super().__init__(sock, adopt, registry)

    def close(self) -> None:
        """See ``Listener.close``; peers find nobody from now on."""
        remove_local(self._path, self._identity)
        super().close()

    def _place(self, _sock: socket.socket) -> tuple[str, int]:
        return str(self._path), 0

    def _name_peer(self, sock: socket.socket, _address: object) -> str:
        return peer_name(sock)


def name_address(address: tuple[object, ...]) -> str:
    """Write an internet address as text: ``"127.0.0.1:40112"``, ``"[::1]:40112"``."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _open_reserve() -> int:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
