from relay.phase import Phase


def test_the_names_of_the_phases_are_what_operators_read() -> None:
    assert [phase.value for phase in Phase] == ["starting", "ready", "draining"]
