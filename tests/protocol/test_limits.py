"""Limits fit together: what one allows, the others have room for."""

from protocol import limits


def test_the_largest_deliver_fits_one_frame() -> None:
    # type, seq, handle, number, ciphertext header and accepted_at at their largest, in an array
    envelope = 1 + 1 + 9 + 3 + 9 + 3 + 9
    assert limits.MAX_CIPHERTEXT_BYTES + envelope <= limits.MAX_PLAINTEXT_BYTES


def test_the_handles_of_both_sides_fill_the_range() -> None:
    assert limits.MAX_HANDLE + 1 == 2 * limits.MAX_BINDINGS_PER_SIDE


def test_the_frame_header_can_name_every_length_up_to_the_limit() -> None:
    assert limits.MAX_FRAME_BYTES < 2 ** (8 * limits.FRAME_HEADER_BYTES)


def test_the_longest_lists_fit_one_frame() -> None:
    assert limits.MAX_LOOKUP_PHONES * (limits.MAX_PHONE_CHARS * 4 + 2) < limits.MAX_PLAINTEXT_BYTES
    assert limits.MAX_PREKEYS_PER_UPLOAD * (1 + 5 + 34) < limits.MAX_PLAINTEXT_BYTES
    assert limits.MAX_PROGRESS_USERS * (1 + 4 * 9) < limits.MAX_PLAINTEXT_BYTES
