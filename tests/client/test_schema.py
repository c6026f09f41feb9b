from client.schema import CURRENT_VERSION, MIGRATIONS


def test_the_current_version_is_the_number_of_migrations() -> None:
    assert len(MIGRATIONS) == CURRENT_VERSION == 2


def test_every_table_is_strict() -> None:
    for script in MIGRATIONS:
        assert script.count("CREATE TABLE") == script.count(") STRICT")
