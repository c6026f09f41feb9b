from client.contacts.records import MAX_NAME_CHARACTERS, Card, tidy_name


def test_a_name_is_one_line_of_bearable_length() -> None:
    assert tidy_name("  Ann \t\n Example ") == "Ann Example"
    assert len(tidy_name("x" * 1_000)) == MAX_NAME_CHARACTERS


def test_no_name_stands_in_a_log() -> None:
    assert "Ann" not in repr(Card("Ann", ()))
