from protocol import DeviceAddress, DeviceId, UserId
from relay.config import MAX_WATCHED
from relay.watching import Watching

ANNA = DeviceAddress(UserId(7), DeviceId(1))
BEN = DeviceAddress(UserId(8), DeviceId(1))


class BoardDouble:
    """Remembers who watches whom."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[DeviceAddress, UserId], None] = {}
        self.told = 0

    def watch(self, watcher: DeviceAddress, user: UserId) -> None:
        self.pairs[watcher, user] = None
        self.told += 1

    def unwatch(self, watcher: DeviceAddress, user: UserId) -> None:
        del self.pairs[watcher, user]


def test_a_subscription_reaches_the_board_of_the_users_owner() -> None:
    boards = {0: BoardDouble(), 1: BoardDouble()}
    watching = Watching(lambda user: boards[user % 2])
    watching.subscribe(ANNA, UserId(2))
    watching.subscribe(ANNA, UserId(3))
    assert list(boards[0].pairs) == [(ANNA, 2)]
    assert list(boards[1].pairs) == [(ANNA, 3)]


def test_a_further_chat_takes_the_place_of_the_oldest() -> None:
    board = BoardDouble()
    watching = Watching(lambda _: board)
    for user in range(1, MAX_WATCHED + 1):
        watching.subscribe(ANNA, UserId(user))
    watching.subscribe(ANNA, UserId(1))  # again: now 2 is the oldest
    watching.subscribe(ANNA, UserId(1_000))
    assert len(board.pairs) == MAX_WATCHED
    assert (ANNA, 2) not in board.pairs
    assert (ANNA, 1) in board.pairs


def test_a_device_that_leaves_watches_nobody_and_others_go_on() -> None:
    board = BoardDouble()
    watching = Watching(lambda _: board)
    for watcher in (ANNA, BEN):
        watching.subscribe(watcher, UserId(2))
    watching.leave(ANNA)
    watching.leave(ANNA)
    watching.unsubscribe(ANNA, UserId(2))
    assert list(board.pairs) == [(BEN, 2)]


def test_a_board_that_was_made_anew_is_told_again_who_watches() -> None:
    board = BoardDouble()
    watching = Watching(lambda _: board)
    watching.subscribe(ANNA, UserId(2))
    watching.subscribe(ANNA, UserId(3))
    watching.renew(lambda user: user == 3)
    assert board.told == 3


def test_a_device_whose_own_settings_change_is_told_anew_of_all_whom_it_watches() -> None:
    board = BoardDouble()
    watching = Watching(lambda _: board)
    for watcher, user in ((ANNA, UserId(2)), (ANNA, UserId(3)), (BEN, UserId(2))):
        watching.subscribe(watcher, user)
    watching.ask_again(ANNA)
    assert board.told == 5
    assert len(board.pairs) == 3
