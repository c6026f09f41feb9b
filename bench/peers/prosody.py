"""prosody, an XMPP server in Lua: one process, one core, messages for absent people in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.load.crew import Crew
from bench.peers.peer import DOMAIN, PeerAccount, Place, Promises
from bench.peers.xmpp.crews import CREWS
from bench.peers.xmpp.stanzas import stream_header

CONFIGURATION = "prosody.cfg.lua"


class Prosody:
    """With its own file storage, and accounts written into that."""

    name = "prosody"
    package = "prosody"
    program = "prosody"
    promises = Promises(
        durable="no for people online; to a file without fsync for absent people",
        encrypted="no (TLS off)",
        receipts="the partner, by a message of its own (XEP-0184)",
        order="a connection's",
        login="PLAIN, password compared",
    )
    hello = stream_header(DOMAIN)
    crews: Mapping[str, type[Crew]] = CREWS

    def prepare(self, place: Place, accounts: Sequence[PeerAccount]) -> None:
        """Write the configuration, and a file an account, as prosody itself would."""
        place.configure(CONFIGURATION, CONFIGURATION)
        folder = place.data / DOMAIN.replace(".", "%2e") / "accounts"
        folder.mkdir(parents=True)
        for account in accounts:
            text = f'return {{\n\t["password"] = "{account.password}";\n}};\n'
            (folder / f"{account.name}.dat").write_text(text, encoding="ascii")

    def command(self, place: Place, program: str) -> list[str]:
        """In the foreground, with our configuration."""
        return [program, "-F", "--config", str(place.folder / CONFIGURATION)]

    def save(self, place: Place, pid: int) -> None:
        """It writes by itself."""

    def environment(self, place: Place) -> Mapping[str, str]:
        """Nothing."""
        return {}


PEER = Prosody()
