"""Who plays which part of a scenario with an XMPP server; the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.load.crew import Crew
from bench.load.endpoint import Endpoint
from bench.load.roles import Writing
from bench.peers.xmpp.device import (
    XmppDevice,
    XmppFetcher,
    XmppGroupWriter,
    XmppMember,
    XmppTalker,
    XmppWriter,
)
from bench.scenarios.fanout import FanoutCrew
from bench.scenarios.login import ChurnCrew, StormCrew
from bench.scenarios.offline import WritersCrew
from bench.scenarios.pairs import PairsCrew


class XmppIdle(Crew):
    """Devices that only ask."""

    def make_device(self, index: int) -> Endpoint:
        """One."""
        return XmppDevice(self, self.assignment.accounts[index], self.source(index))


class XmppChurn(XmppIdle, ChurnCrew):
    """The same, in and out."""

    knows_first_logins = False


class XmppStorm(XmppIdle, StormCrew):
    """The same, coming back."""


class XmppPairs(PairsCrew):
    """Pairs."""

    def make_device(self, index: int) -> Endpoint:
        """A talker."""
        return XmppTalker(self, index)


class XmppGroup(FanoutCrew):
    """A room. Nobody tells its writer when all have a message, so the load looks for itself."""

    sees_ticks = True

    def make_device(self, index: int) -> Endpoint:
        """The very first one writes."""
        is_writer = self.assignment.first + index == 0
        return XmppGroupWriter(self, index) if is_writer else XmppMember(self, index)


class XmppWriters(WritersCrew):
    """Those who write to people who are away."""

    def make_writer(self, account: Any, source: str, recipient: Any, count: int) -> Writing:
        """One of them."""
        return XmppWriter(self, account, source, recipient, count)


class XmppFetchers(Crew):
    """Those who come back."""

    def make_device(self, index: int) -> Endpoint:
        """One of them."""
        return XmppFetcher(self, self.assignment.accounts[index], self.source(index))


CREWS: Mapping[str, type[Crew]] = {
    "pairs": XmppPairs,
    "idle": XmppIdle,
    "login": XmppChurn,
    "storm": XmppStorm,
    "fanout": XmppGroup,
    "writers": XmppWriters,
    "fetchers": XmppFetchers,
}
