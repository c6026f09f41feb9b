from faults.real.needs import Need


def test_each_need_says_in_a_word_why_it_is_not_there_or_nothing() -> None:
    for need in Need:
        assert need.missing() is None or need.value.lower() in str(need.missing()).lower()
