import trio
from trio.testing import MockClock

from actors import open_actor_system
from client.connection_handle import ConnectionHandle
from client.requests import NoAnswer
from protocol.ids import UserId
from protocol.stanzas import Lookup
from tests.client.conftest import ANN, BEN, Town


async def test_what_is_told_to_a_connection_that_is_dead_is_dropped(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        handle = ConnectionHandle(system)
        handle.tell_available(True)
        handle.watch(UserId(7))
        handle.unwatch(UserId(7))
        handle.tell_typing(UserId(7), True)


async def test_a_question_without_a_connection_is_answered_at_once(
    autojump_clock: MockClock, town: Town
) -> None:
    town.network.unreachable["relay"] = None
    answers: list[object] = []
    async with town.open(ANN) as ann:
        began = trio.current_time()
        ann._connection.ask_relay(lambda request: Lookup(request, (BEN,)), answers.append)
        await trio.sleep(0.1)
        assert [type(answer) for answer in answers] == [NoAnswer]
        assert trio.current_time() - began < 1
