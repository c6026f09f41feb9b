from trio.testing import MockClock

from actors import open_actor_system
from client.attention import Attention
from client.connection_listener import ConnectionListener
from client.errors import RelayRefusedError
from client.events import ConnectionChanged, Connectivity, EventStream, TypingChanged
from client.store import Store
from client.switchboard import Switchboard
from protocol.ids import MessageNumber, UserId
from tests.client.conftest import ANN, Town


async def test_news_for_parts_that_are_dead_is_dropped(autojump_clock: MockClock, town: Town) -> None:
    async with open_actor_system() as system:
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            board: ConnectionListener = Switchboard(system, store, EventStream(), Attention(system))
            board.accepted(UserId(1), MessageNumber(1))
            board.delivered(UserId(1), MessageNumber(1))
            board.read(UserId(1), MessageNumber(1))
            board.refused(UserId(1), MessageNumber(1), 67, None)
            board.delivered_here(1, [])
    assert system.dead_letters == 5


async def test_only_the_word_of_the_relay_itself_logs_a_phone_out(
    autojump_clock: MockClock, town: Town
) -> None:
    async with open_actor_system() as system:
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            events = EventStream()
            board = Switchboard(system, store, events, Attention(system))
            with events.subscribe() as news:
                board.went_offline("logged-out", 3.0, None)
                account = store.account()
                assert account is not None
                assert not account.logged_out
                error = RelayRefusedError("logged-out", "This device was logged out.")
                board.went_offline("logged-out", None, error)
                account = store.account()
                assert account is not None
                assert account.logged_out
                assert await news.next() == ConnectionChanged(Connectivity.WAITING, "logged-out", 3.0)
                assert await news.next() == ConnectionChanged(Connectivity.STOPPED, "logged-out", None, error)


async def test_somebody_who_types_is_named_by_number_where_it_is_known(
    autojump_clock: MockClock, town: Town
) -> None:
    async with open_actor_system() as system:
        with Store.open(town.home(ANN), town.entropy, town.clock) as store:
            store.learn_phone("+4915112345679", UserId(7))
            events = EventStream()
            board = Switchboard(system, store, events, Attention(system))
            with events.subscribe() as news:
                board.typing(UserId(7), True)
                board.typing(UserId(8), False)
                assert await news.next() == TypingChanged(UserId(7), "+4915112345679", True)
                assert await news.next() == TypingChanged(UserId(8), None, False)
