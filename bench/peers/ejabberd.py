"""ejabberd, an XMPP server in Erlang: one virtual machine, messages for absent people in Mnesia.

It is started as `ejabberdctl foreground` starts it, but by `erl` itself: the script wants to be root or the
user ejabberd, and to know of one instance on a machine. Nothing of Erlang's distribution is started, and its
schedulers do not spin while they wait for work: that would be CPU time that does nothing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.load.crew import Crew
from bench.peers.peer import DOMAIN, PeerAccount, Place, Promises
from bench.peers.xmpp.crews import CREWS
from bench.peers.xmpp.stanzas import stream_header

CONFIGURATION: Final = "ejabberd.yml"
ACCOUNTS: Final = "accounts.terms"

FILL_SECONDS: Final = 300.0

# Schedulers for Erlang's own code, for what runs long, and for what waits for a disk.
NO_SPINNING: Final = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")

# Mnesia's own way: the table as ejabberd 23 makes it, filled before it starts.
FILL: Final = """
    ok = mnesia:create_schema([node()]),
    ok = mnesia:start(),
    {{atomic, ok}} = mnesia:create_table(passwd,
        [{{disc_copies, [node()]}}, {{attributes, [us, password]}}]),
    {{ok, Accounts}} = file:consult("{accounts}"),
    [ok = mnesia:dirty_write({{passwd, {{User, <<"{domain}">>}}, Password}})
        || {{User, Password}} <- Accounts],
    dumped = mnesia:dump_log(),
    stopped = mnesia:stop(),
    halt(0).
"""

_LIBRARIES: Final = re.compile(r"^ERL_LIBS='?([^'\n]+)'?$", re.MULTILINE)


class Ejabberd:
    """With Mnesia, and accounts written into that."""

    name = "ejabberd"
    package = "ejabberd"
    program = "ejabberdctl"
    promises = Promises(
        durable="no for people online; to Mnesia's log without fsync for absent people",
        encrypted="no (TLS off)",
        receipts="the partner, by a message of its own (XEP-0184)",
        order="a connection's",
        login="PLAIN, password compared",
    )
    hello = stream_header(DOMAIN)
    crews: Mapping[str, type[Crew]] = CREWS

    def prepare(self, place: Place, accounts: Sequence[PeerAccount]) -> None:
        """Write the configuration, and the accounts into Mnesia.

        Raises:
            BenchError: Mnesia did not take them.
        """
        place.configure(CONFIGURATION, CONFIGURATION)
        terms = place.folder / ACCOUNTS
        terms.write_text("".join(f'{{<<"{each.name}">>, <<"{each.password}">>}}.\n' for each in accounts))
        program = FILL.format(accounts=terms, domain=DOMAIN)
        words = ["erl", "-noinput", *_mnesia(place), "-eval", program]
        done = subprocess.run(
            words, cwd=place.folder, capture_output=True, timeout=FILL_SECONDS, text=True, check=False
        )
        if done.returncode:
            raise BenchError(
                f"ejabberd's accounts could not be made: {done.stdout[-500:]}{done.stderr[-500:]}"
            )

    def command(self, place: Place, program: str) -> list[str]:
        """As `ejabberdctl foreground` does it; with the kernel's polling, processes enough, no spinning."""
        flags = ["+K", "true", "+P", "1000000", *NO_SPINNING]
        return ["erl", "-noinput", *flags, *_mnesia(place), "-s", "ejabberd"]

    def save(self, place: Place, pid: int) -> None:
        """It writes by itself."""

    def environment(self, place: Place) -> Mapping[str, str]:
        """Where things are, and room for connections."""
        return {
            "ERL_LIBS": libraries(),
            "ERL_MAX_PORTS": "250000",
            "ERL_MAX_ETS_TABLES": "10000",
            "ERL_CRASH_DUMP_BYTES": "0",
            "EJABBERD_CONFIG_PATH": str(place.folder / CONFIGURATION),
            "EJABBERD_LOG_PATH": str(place.folder / "ejabberd.log"),
        }


def _mnesia(place: Place) -> list[str]:
    return ["-mnesia", "dir", f'"{place.data}"', "dump_log_write_threshold", "50000"]


def libraries(script: Path = Path("/usr/sbin/ejabberdctl")) -> str:
    """Where ejabberd's own modules are, as its script says."""
    match = _LIBRARIES.search(script.read_text(encoding="utf-8")) if script.exists() else None
    return match[1] if match is not None else "/usr/lib/ejabberd"


PEER = Ejabberd()
