"""Settings: where they come from, who wins, and that nothing unknown passes."""

import dataclasses
from pathlib import Path

import pytest

from relay.config import SETTINGS, Config, HostPort, as_table, load, parse_host_port
from relay.errors import ConfigError


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "roost.toml"
    file.write_text(text)
    return file


def test_without_anything_said_the_defaults_hold() -> None:
    assert load(None, {}, {}) == Config()


def test_flags_win_over_the_environment_and_the_environment_over_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'listen = "10.0.0.1:1"\nadmin = "127.0.0.1:2"\nsms = "file:a"\n')
    config = load(
        file,
        {"ROOST_ADMIN": "127.0.0.2:2", "ROOST_SMS": "file:b", "HOME": "/"},
        {"sms": "file:c", "data": None},
    )
    assert config.listen == HostPort("10.0.0.1", 1)
    assert config.admin == HostPort("127.0.0.2", 2)
    assert config.sms == "file:c"


@pytest.mark.parametrize(
    ("environment", "flags", "name"),
    [({"ROOST_LISTN": "x"}, {}, "ROOST_LISTN"), ({}, {"listn": "x"}, "--listn")],
)
def test_an_unknown_key_is_refused_by_name(
    environment: dict[str, str], flags: dict[str, str], name: str
) -> None:
    with pytest.raises(ConfigError, match=name):
        load(None, environment, flags)


def test_an_unknown_key_in_the_file_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"roost\.toml: windows: no such setting"):
        load(write(tmp_path, "windows = 1\n"), {}, {})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("listen", "5252", "no HOST:PORT"),
        ("listen", "host:99999", "no port"),
        ("listen", "host:http", "no port"),
        ("sms", "pigeon", "none of console"),
        ("sms", "file:", "none of console"),
        ("window_messages", "many", "no whole number"),
        ("window_messages", True, "no whole number"),
        ("window_messages", "0", "not between"),
        ("workers", "-1", "must be 1 or more"),
        ("window_bytes", -5, "must be 1024 or more"),
        ("workers", "65", "must be 64 or less"),
        ("window_bytes", "--5", "no whole number"),
        ("sms", "webhook:ftp://x", "begins with https:// or http://"),
        ("sms", "webhook:https://", "begins with https:// or http://"),
        ("keepalive_seconds", "1", "not between"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_what_is_wrong(
    key: str, value: object, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as refusal:
        load(None, {}, {key: value})
    assert refusal.value.key == "--" + key.replace("_", "-")


def test_codes_that_could_never_be_written_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sms: codes cannot be written to .*: there is no folder"):
        load(None, {}, {"sms": f"file:{tmp_path}/nowhere/codes"})
    with pytest.raises(ConfigError, match=r"sms: codes cannot be written to .*: it is a folder"):
        load(None, {}, {"sms": f"file:{tmp_path}"})
    new = tmp_path / "data"
    assert load(None, {}, {"sms": f"file:{new}/codes", "data": new}).sms == f"file:{new}/codes"


def test_an_address_of_a_webhook_is_not_shown_when_it_is_refused() -> None:
    with pytest.raises(ConfigError) as refusal:
        load(None, {}, {"sms": "webhook:ftp://a-secret"})
    assert "a-secret" not in str(refusal.value)


def test_a_file_that_is_not_there_or_no_toml_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "nowhere.toml", {}, {})
    with pytest.raises(ConfigError, match="no valid TOML"):
        load(write(tmp_path, "listen ="), {}, {})


def test_ipv6_stands_in_brackets() -> None:
    place = parse_host_port("[::1]:5252")
    assert place == HostPort("::1", 5252)
    assert str(place) == "[::1]:5252"


def test_the_admin_endpoint_can_be_turned_off() -> None:
    assert load(None, {"ROOST_ADMIN": "off"}, {}).admin is None


@pytest.mark.parametrize("secret", ["", "s" * 16, "n" * 16 + "," + "o" * 16])
def test_a_webhooks_secret_may_be_two_while_it_is_changed(secret: str) -> None:
    config = load(None, {"ROOST_SMS_SECRET": secret}, {})
    assert config.sms_secret == secret
    assert as_table(config)["sms_secret"] == ("(set)" if secret else "None")
    assert "s" * 16 not in repr(config)


@pytest.mark.parametrize("secret", ["short", "x" * 16 + ",", "x" * 16 + "," + "y" * 16 + "," + "z" * 16])
def test_a_secret_that_could_be_guessed_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ConfigError, match="it is one secret") as refusal:
        load(None, {"ROOST_SMS_SECRET": secret}, {})
    assert secret not in str(refusal.value)


@pytest.mark.parametrize("place", ["0.0.0.0:5280", "10.0.0.1:5280", "[::]:5280", "relay.example:5280"])
def test_an_admin_endpoint_that_others_can_reach_needs_a_token(place: str) -> None:
    with pytest.raises(ConfigError, match="ROOST_ADMIN_TOKEN"):
        load(None, {"ROOST_ADMIN": place}, {})
    assert load(None, {"ROOST_ADMIN": place, "ROOST_ADMIN_TOKEN": "t" * 16}, {}).admin_token == "t" * 16


@pytest.mark.parametrize("place", ["127.0.0.1:5280", "127.1.2.3:5280", "[::1]:5280", "localhost:5280", "off"])
def test_on_this_machine_no_token_is_needed(place: str) -> None:
    assert load(None, {"ROOST_ADMIN": place}, {}).admin_token is None


@pytest.mark.parametrize("token", ["short", "with a space in it", "with-an-umlaut-ä", "with-a-line\nbreak"])
def test_a_token_that_cannot_be_sent_or_could_be_guessed_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError, match="16 or more") as refusal:
        load(None, {"ROOST_ADMIN_TOKEN": token}, {})
    assert token not in str(refusal.value)


def test_a_token_stands_neither_in_the_log_line_nor_in_the_repr() -> None:
    config = Config(admin_token="a-secret-of-the-operator")
    assert as_table(config)["admin_token"] == "(set)"
    assert "a-secret" not in repr(config)


@pytest.mark.parametrize(("value", "on"), [("1", True), ("0", False), ("", False)])
def test_only_the_environment_turns_test_hooks_on(value: str, on: bool) -> None:
    assert load(None, {"ROOST_TEST_HOOKS": value}, {}).test_hooks is on


def test_an_unclear_wish_for_test_hooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ROOST_TEST_HOOKS"):
        load(None, {"ROOST_TEST_HOOKS": "yes"}, {})
    with pytest.raises(ConfigError, match="no such setting"):
        load(write(tmp_path, "test_hooks = true\n"), {}, {})


def test_every_field_but_the_test_hooks_is_a_setting() -> None:
    fields = [field.name for field in dataclasses.fields(Config)]
    assert fields == [*SETTINGS, "test_hooks"]
    assert list(as_table(Config())) == fields


def test_every_setting_is_in_the_operations_manual_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    defaults = as_table(Config())
    for key, setting in SETTINGS.items():
        default = "–" if defaults[key] == "None" else f"`{defaults[key]}`"
        assert f"| `{key}` | {default} | {setting.help} |" in text
