"""Sees to the link to one other worker: calls it, calls again when the link has ended, and notes its end.

Of two workers the lower number calls the higher, so that there is one link between them and no contest; the
other's actor only watches.
An actor because it waits: for the peer's socket, and for the end of the link.
Restarts as: permanent; a new one watches the link that there is, or calls.
"""

import trio

from actors import Actor, ActorDeadError, ActorRef, Down
from actors.network import Link, Network
from actors.ports import Entropy
from relay.bus import session
from relay.bus.bus import Bus
from relay.bus.session import Met
from supervisors import Backoff, ChildSpec, ChildStartError, SupervisorHandle
from supervisors.backoff import delay_before_restart

FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.25
"""A worker that was killed is back within a second, and its siblings should notice at once. Calling somebody
who is not there costs some 50 µs."""

CONNECT_SECONDS = 5.0


class Call:
    """The actor's note to itself: call the peer."""


CALL = Call()


def child_spec(bus: Bus, network: Network, entropy: Entropy, peer: int) -> ChildSpec:
    """The actor for one peer."""
    return ChildSpec(id=f"neighbour {peer}", start=lambda: Neighbour(bus, network, entropy, peer))


class Neighbour(Actor):
    """Keeps a link to one peer."""

    def __init__(self, bus: Bus, network: Network, entropy: Entropy, peer: int) -> None:
        self._bus = bus
        self._network = network
        self._peer = bus.peers[peer]
        self._calls = bus.worker < peer
        self._pauses = Backoff(entropy, initial=FIRST_PAUSE_SECONDS, maximum=LONGEST_PAUSE_SECONDS)
        self._attempt = 0  # since the peer was up last
        self._era = 0  # in which that was
        self._watched: dict[ActorRef, None] = {}  # links: one, and for a moment its successor

    async def on_start(self) -> None:
        """Be found by the links; go on with the one that there is, or call.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(session.neighbour_name(self._peer.number), self.ref)
        if self._peer.owner is not None:
            self._watch(self._peer.owner)
        elif self._calls:
            self.ref.tell_nowait(CALL)

    async def handle(self, message: object) -> None:
        """Call, or hear that a link has begun or ended."""
        match message:
            case Call():
                if not self._watched:
                    await self._call()
            case Met(ref):
                self._watch(ref)
            case Down(_, ref, _):
                self._watched.pop(ref, None)
                self._peer.went_down(ref)  # if it was killed, it could not say so itself
                if self._calls and not self._watched:
                    self._call_again()
            case _:
                self.unexpected(message)

    def _watch(self, ref: ActorRef) -> None:
        if ref not in self._watched:
            self._watched[ref] = None
            self.monitor(ref)

    async def _call(self) -> None:
        try:
            with trio.fail_after(CONNECT_SECONDS):
                link = await self._network.connect_local(self._bus.address(self._peer.number))
        except (OSError, trio.TooSlowError):
            self._call_again()
        else:
            await self._start(link)

    async def _start(self, link: Link) -> None:
        supervisor = SupervisorHandle(self.system.via(session.SUPERVISOR_NAME))
        try:
            ref = await supervisor.start_child(session.child_spec(self._bus, link, self._peer.number))
        except (ChildStartError, ActorDeadError):
            link.abort()
            self._call_again()
            return
        assert ref is not None  # a session does not ignore its start
        self._watch(ref)

    def _call_again(self) -> None:
        """Call after a pause, which grows as long as nobody is there."""
        if self._peer.era != self._era:
            self._era, self._attempt = self._peer.era, 0
        self.send_after(delay_before_restart(self._pauses, self._attempt), CALL)
        self._attempt += 1
