import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client.events import MOST_WAITING_EVENTS, Event, EventsMissed, EventStream, TypingChanged
from protocol.ids import UserId


def event(number: int) -> Event:
    return TypingChanged(UserId(number), None, True)


async def test_every_listener_hears_every_event_in_order() -> None:
    stream = EventStream()
    with stream.subscribe() as one, stream.subscribe() as two:
        for number in (1, 2):
            stream.publish(event(number))
        assert [await one.next(), await one.next()] == [event(1), event(2)]
        assert await two.next() == event(1)


async def test_a_listener_hears_only_what_comes_while_it_listens() -> None:
    stream = EventStream()
    stream.publish(event(1))
    with stream.subscribe() as listener:
        stream.publish(event(2))
        assert await listener.next() == event(2)
    stream.publish(event(3))


async def test_a_waiting_listener_is_woken(nursery: trio.Nursery) -> None:
    stream = EventStream()
    heard: list[Event] = []

    async def listen() -> None:
        with stream.subscribe() as listener:
            heard.append(await listener.next())

    nursery.start_soon(listen)
    await wait_all_tasks_blocked()
    stream.publish(event(1))
    await wait_all_tasks_blocked()
    assert heard == [event(1)]
    nursery.cancel_scope.cancel()


async def test_a_slow_listener_loses_the_oldest_and_is_told_how_many() -> None:
    stream = EventStream()
    with stream.subscribe() as listener:
        for number in range(MOST_WAITING_EVENTS + 3):
            stream.publish(event(number + 1))
        assert await listener.next() == EventsMissed(3)
        assert await listener.next() == event(4)


async def test_a_cancelled_listener_loses_nothing(autojump_clock: MockClock) -> None:
    stream = EventStream()
    with stream.subscribe() as listener:
        with trio.move_on_after(1):
            await listener.next()
        stream.publish(event(1))
        assert await listener.next() == event(1)
