"""How the devices of a client get their accounts: by a code from the relay's file, or linked to a first.

Each step may be broken off at any moment, by a fault or by the end of the process, and is then begun again.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from actors.network import Network
from actors.ports import system_clock, system_entropy
from client import Applicant, open_application, open_phone
from client.code_file import code_through_file
from client.errors import ClientError
from client.linking import Invitation, open_newcomer
from client.relay_url import RelayUrl
from client.store import Store

RETRY_SECONDS = 0.5
CODE_SECONDS = 10.0
LINK_SECONDS = 20.0


def has_account(home: Path) -> bool:
    """Whether the device of this home is somebody's."""
    if not home.is_dir():
        return False
    with Store.open(home, system_entropy, system_clock) as store:
        return store.account() is not None


async def register(home: Path, number: str, relay: RelayUrl, sms: Path, network: Network) -> None:
    """Have the number's account in this home, however often it takes."""
    applicant = Applicant(relay, number)

    async def attempt() -> None:
        async with open_application(
            home, applicant, network=network, entropy=system_entropy, clock=system_clock
        ) as application:
            if application.resumed() is None:
                await application.register(await code_through_file(application, sms, CODE_SECONDS))

    await _persist(home, attempt)


async def link(home: Path, name: str, first: Path, relay: RelayUrl, network: Network) -> None:
    """Make this home a companion of the phone in another one, however often it takes."""

    async def attempt() -> None:
        with trio.fail_after(LINK_SECONDS):
            async with (
                open_phone(first, network=network) as phone,
                open_newcomer(
                    home, relay, name, network=network, entropy=system_entropy, clock=system_clock
                ) as newcomer,
            ):
                await phone.wait_online()
                if await newcomer.resumed() is not None:
                    return
                show, invitations = trio.open_memory_channel[Invitation](10)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(newcomer.link, show.send_nowait, lambda _why: None)
                    invitation = await invitations.receive()
                    await phone.link_device(invitation.text, system_entropy)

    await _persist(home, attempt)


async def _persist(home: Path, attempt: Callable[[], Awaitable[None]]) -> None:
    while not has_account(home):
        try:
            await attempt()
        except* (ClientError, trio.TooSlowError) as errors:
            print(f"{home.name}: {errors!r}, once more", file=sys.stderr, flush=True)
            await trio.sleep(RETRY_SECONDS)
