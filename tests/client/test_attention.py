from trio.testing import MockClock

from client.events import Connectivity, PresenceChanged
from protocol.stanzas import Available, Subscribe, Unavailable, Unsubscribe
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until


async def test_a_phone_that_is_only_connected_makes_nobody_online(
    autojump_clock: MockClock, town: Town
) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
    assert town.relay.heard_of(Available) == []


async def test_who_is_here_and_whom_they_watch_is_said_once_and_taken_back(
    autojump_clock: MockClock, town: Town
) -> None:
    user = town.relay.device_of(BEN).address.user
    async with town.open(ANN) as ann:
        await ann.wait_online()
        for _ in range(2):
            ann.attention.arrive()
            ann.attention.watch(user)
        for _ in range(2):
            ann.attention.unwatch(user)
            ann.attention.leave()
        await ann.flush(5)
    kinds = (Available, Subscribe, Unsubscribe, Unavailable)
    assert [type(event) for event in town.relay.heard if isinstance(event, kinds)] == list(kinds)


async def test_it_is_said_again_on_the_next_connection(autojump_clock: MockClock, town: Town) -> None:
    user = town.relay.device_of(BEN).address.user
    async with town.open(ANN) as ann:
        ann.attention.arrive()
        ann.attention.watch(user)
        await ann.wait_online()
        town.relay.cut_all()
        await until(lambda: ann.connection.connectivity is Connectivity.WAITING)
        town.relay.heard.clear()
        await ann.wait_online()
        await ann.flush(5)
        assert [type(each) for each in town.relay.heard if isinstance(each, Available | Subscribe)] == [
            Available,
            Subscribe,
        ]


async def test_what_becomes_of_somebody_watched_is_news(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann, town.open(BEN) as ben:
        user = town.relay.device_of(BEN).address.user
        news: list[bool] = []
        await ann.wait_online()
        await ben.wait_online()
        with ann.events.subscribe() as events:
            ann.attention.watch(user)
            while len(news) < 2:
                event = await events.next()
                if isinstance(event, PresenceChanged):
                    assert (event.user, event.last_seen) == (user, None)
                    news.append(event.is_online)
                    ben.attention.arrive()
        assert news == [False, True]
