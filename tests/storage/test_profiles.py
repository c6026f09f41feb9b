from __future__ import annotations

from protocol.ids import UserId
from storage import Environment, InlineJournal, JournalError, Op, profiles
from storage.profiles import Piece

ANNA, BERND = UserId(7), UserId(8)


def store(environment: Environment, ops: list[Op]) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    InlineJournal(environment).submit(ops, settled)


def put(environment: Environment, number: int, version: int) -> None:
    with environment.read() as reader:
        ops = profiles.put_piece(reader, ANNA, number, Piece(version, b"%d" % version))
    store(environment, ops)


def pieces(environment: Environment, user: UserId = ANNA) -> list[int | None]:
    with environment.read() as reader:
        loaded = [profiles.load_piece(reader, user, number) for number in range(3)]
    return [None if piece is None else piece.version for piece in loaded]


def test_pieces_are_kept_for_their_user_alone(environment: Environment) -> None:
    put(environment, 1, 5)
    put(environment, 0, 5)
    assert pieces(environment) == [5, 5, None]
    assert pieces(environment, BERND) == [None, None, None]


def test_the_first_piece_of_a_new_profile_takes_the_old_picture_away(environment: Environment) -> None:
    for number in (1, 2, 0):
        put(environment, number, 5)
    put(environment, 1, 6)
    assert pieces(environment) == [5, 6, 5]
    put(environment, 0, 6)
    assert pieces(environment) == [6, 6, None]


def test_a_profile_is_taken_away_whole(environment: Environment) -> None:
    for number in (1, 2, 0):
        put(environment, number, 5)
    store(environment, [profiles.remove_profile(ANNA)])
    assert pieces(environment) == [None, None, None]


def test_a_piece_does_not_show_what_is_in_it() -> None:
    assert "secret" not in repr(Piece(1, b"secret"))
