"""A mailbox at another worker has the words of one that is here."""

import pytest
import trio.testing

from protocol import Deliver, ErrorCode, MessageNumber, Send, Typing
from relay.bus.errors import PeerDownError
from relay.bus.remote_mailbox import RemoteMailbox
from relay.mailboxes import Mailboxes
from tests.relay.bus.conftest import Pair


async def remote(pair: Pair) -> RemoteMailbox:
    mailbox = await Mailboxes(pair.node.worker(0)).recipient(pair.ben.address.user)
    assert isinstance(mailbox, RemoteMailbox)
    return mailbox


async def test_messages_and_typing_arrive(pair: Pair) -> None:
    mailbox = await remote(pair)
    await pair.anna.connect()
    ben = await pair.ben.connect()
    source = pair.node.worker(0).presence.of_device(pair.anna.address)
    assert source is not None
    await mailbox.submit(pair.anna.address, source, [Send(pair.ben.address.user, MessageNumber(1), b"hello")])
    assert (await ben.expect(Deliver)).ciphertext == b"hello"
    mailbox.activity(pair.anna.address, is_typing=True)
    assert (await ben.expect(Typing)).chat == pair.anna.address


async def test_bundles_of_a_user_whose_worker_is_dead_are_refused_as_restarting(pair: Pair) -> None:
    mailbox = await remote(pair)
    assert [bundle.device for bundle in (await mailbox.take_bundles()).bundles] == [1]
    pair.node.kill(1)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(PeerDownError) as caught:
        await mailbox.take_bundles()
    assert caught.value.code is ErrorCode.RESTARTING
