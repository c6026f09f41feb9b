"""The settings of a relay node: one frozen `Config`, from a TOML file, the environment and flags.

What is said later wins: built-in default, then the file named by `--config`, then `ROOST_*` variables, then
flags. A key that nobody knows is refused by name, wherever it stands: a typing error in a limit must not
become a limit that silently is not there.

Settings are what an operator may want to change; their table is `SETTINGS` (docs/operations.md shows it).
Constants below them are what only a developer should change; each says its unit and its reason.
"""

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from protocol.slots import MAX_WORKERS
from relay import rate_limits
from relay.errors import ConfigError
from relay.rate_limits import Limit, parse_limit

# ---- constants: not settings, because a wrong value breaks a promise or another implementation ----

HANDSHAKE_SECONDS = 10.0
"""A peer that has not finished its handshake by then is closed: slow phones on slow networks need 2 to 3."""

DOUBT_FACTOR = 1.5
"""Silence for this many keepalive intervals makes the relay ping: a device that keeps the rule never gets so
far, and one that only answers stays."""

SILENCE_FACTOR = 2.5
"""Silence for this many keepalive intervals ends a connection: two lost pings and a slow third."""

SWEEP_SECONDS = 1.0
"""The beat in which the relay counts time: one timer a worker instead of several for each connection."""

REST_AFTER_BEATS = 5
"""Beats without a word after which a connection gives its cipher objects back: 5 KB for each idle device,
rebuilt in microseconds with the next word. Also how often this is looked for."""

STALL_SECONDS = 60.0
"""A device that takes nothing from a full socket for this long is a slow reader, whatever it sends itself."""

CODE_DIGITS = 6
CODE_SECONDS = 600
"""A verification code is good for 10 minutes: SMS can be late."""

CODE_GUESSES = 5
"""Guesses a code allows: 5 of a million keep a guesser at 1 in 200,000 a code."""

CODE_RESEND_SECONDS = 60
"""One new code a minute for a number: each costs somebody money and somebody's phone rings."""

PIN_DIGITS = 6

PIN_GUESSES_A_DAY = 10
"""As Signal: 10 of a million a day are 1 in 270 in a whole year, and people do mistype."""

CODE_MEMORY_LIMIT = 100_000
"""Numbers with a code on its way, at most (about 300 bytes each); beyond it new ones are told to wait."""

MAILBOX_QUEUE = 256
"""Messages that may wait for one mailbox actor; senders beyond it wait with their sockets unread."""

DAY_SECONDS = 86_400

PIN_RESET_SECONDS = 7 * DAY_SECONDS
"""How long a forgotten PIN stands in the way, as with WhatsApp: longer than anybody holds a stolen number,
and shorter than the time after which networks give numbers to somebody else."""

RELOAD_SECONDS = 0.2
"""How long a mailbox waits before it reads its state again after the disk refused something."""

BACKLOG_HIGH = 4_096
"""Submissions waiting for the disk above which sockets are not read: half of what the journal takes."""

BACKLOG_PAUSE_SECONDS = 0.02
"""How long a connection then waits before it looks again: some ten commits."""

CONNECTION_SHUTDOWN_SECONDS = 2.0
"""A connection that stops says a word of goodbye and leaves the registers; nothing of that takes long."""

COMMIT_SECONDS = 30.0
"""A commit that takes longer than this is a broken disk: the request is given up."""

DRAIN_SECONDS = 4.0
"""What stopping may take, so that a node is gone within the 5 seconds that it promises."""

REATTACH_LIMIT = 3
REATTACH_WINDOW_SECONDS = 10.0
"""A connection whose mailbox crashes more often than this is closed: back-off is the device's."""


MAX_WATCHED = 32
"""Users that one device may watch at a time: it watches while a chat is open, so one would nearly do."""

MAX_CHATS_REMEMBERED = 4_096
"""What a connection remembers of chats, of each kind: as many as a device has handles for. Whoever names more
is no real phone, and what is forgotten matters only when a mailbox or a worker dies."""

PRESENCE_GRACE_BEATS = 5
"""Beats of the sweeper until somebody whose connection broke is shown as gone: a phone that changes from one
network to another is back by then."""

NEW_ACCOUNT_SECONDS = 7 * DAY_SECONDS
"""How long an account is a new one: whoever gets numbers only to draw on the directory has to wait."""

MAX_CONTACTS = 10_000
"""Contacts that an account may name to the relay: the largest address books have fewer, and each is a row."""

MAX_SMS_SECRETS = 2
"""The one that is used, and the one that it replaces."""

TOKEN_CHARACTERS = 16
"""Below this a token could be guessed by somebody who tries for long enough."""


class HostPort(NamedTuple):
    """A place to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


DEFAULT_LISTEN = HostPort("127.0.0.1", 5252)
DEFAULT_ADMIN = HostPort("127.0.0.1", 5280)


class Setting(NamedTuple):
    """A row of the table of settings."""

    read: Callable[[Any], Any]
    """Turns what a file, a variable or a flag says into the value; ValueError says what is wrong with it."""
    help: str


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one node; built by `load`, or directly in tests."""

    listen: HostPort = DEFAULT_LISTEN
    data: Path = Path("roost-data")
    sms: str = "console"
    sms_secret: str = field(default="", repr=False)
    """One secret, or while they are changed two with a comma between them: the new one and the old one."""
    admin: HostPort | None = DEFAULT_ADMIN
    ready_file: Path | None = None
    workers: int = 1
    keepalive_seconds: int = 120
    window_messages: int = 256
    window_bytes: int = 256 * 1024
    max_connections: int = 20_000
    max_handshakes: int = 1_000
    max_unsent_bytes: int = 1024 * 1024
    max_queued_messages: int = 100_000
    mailbox_idle_seconds: int = 60
    message_life_days: int = 30
    limit_connections: Limit = rate_limits.CONNECTIONS
    limit_connections_per_address: Limit = rate_limits.CONNECTIONS_PER_ADDRESS
    limit_logins: Limit = rate_limits.LOGINS
    limit_messages: Limit = rate_limits.MESSAGES
    limit_bytes: Limit = rate_limits.BYTES
    limit_prekey_fetches: Limit = rate_limits.PREKEY_FETCHES
    limit_prekey_fetches_per_target: Limit = rate_limits.PREKEY_FETCHES_PER_TARGET
    limit_one_time_prekeys: Limit = rate_limits.ONE_TIME_PREKEYS
    limit_lookups: Limit = rate_limits.LOOKUPS
    limit_lookups_of_new: Limit = rate_limits.LOOKUPS_OF_NEW
    limit_lookups_per_address: Limit = rate_limits.LOOKUPS_PER_ADDRESS
    limit_profile_fetches: Limit = rate_limits.PROFILE_FETCHES
    limit_subscriptions: Limit = rate_limits.SUBSCRIPTIONS
    limit_export_pages: Limit = rate_limits.EXPORT_PAGES
    limit_account_changes: Limit = rate_limits.ACCOUNT_CHANGES
    limit_codes: Limit = rate_limits.CODES
    limit_codes_per_address: Limit = rate_limits.CODES_PER_ADDRESS
    admin_token: str | None = field(default=None, repr=False)
    test_hooks: bool = False
    """Never a setting: only ROOST_TEST_HOOKS=1 sets it, and the log warns loudly."""


def parse_host_port(text: Any) -> HostPort:
    """Read `HOST:PORT`; an IPv6 address stands in brackets.

    Raises:
        ValueError: with what is wrong, in words for a person.
    """
    host, colon, port = str(text).rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r} is no HOST:PORT (for example 127.0.0.1:5252)")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{port!r} is no port: it must be a number from 0 to 65535")
    return HostPort(host.strip("[]"), int(port))


def _admin(text: Any) -> HostPort | None:
    return None if text == "off" else parse_host_port(text)


def _sms(text: Any) -> str:
    kind, _, rest = str(text).partition(":")
    if kind == "webhook" and rest:
        # Not shown: there may be a key in it.
        url = urlsplit(rest)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError("a webhook is an address that begins with https:// or http://")
    if text == "console" or (kind in ("file", "webhook") and rest):
        return str(text)
    raise ValueError(f"{text!r} is none of console, file:PATH and webhook:URL")


def _token(text: Any) -> str:
    """Never part of an error: tokens do not belong in logs."""
    token = str(text)
    if len(token) < TOKEN_CHARACTERS or not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError(f"a token has {TOKEN_CHARACTERS} or more printable characters without spaces")
    return token


def _secrets(text: Any) -> str:
    """Never part of an error, as tokens are not."""
    secrets = str(text).split(",") if str(text) else []
    try:
        if len(secrets) > MAX_SMS_SECRETS:
            raise ValueError
        for secret in secrets:
            _token(secret)
    except ValueError:
        raise ValueError(
            f"it is one secret, or two with a comma between them while they are changed; each has"
            f" {TOKEN_CHARACTERS} or more printable characters without spaces and commas"
        ) from None
    return ",".join(secrets)


def _whole(minimum: int, maximum: int) -> Callable[[Any], int]:
    """A reader of whole numbers within limits."""

    def read(value: Any) -> int:
        digits = str(value)
        if isinstance(value, bool) or re.fullmatch(r"-?[0-9]+", digits) is None:
            raise ValueError(f"{value!r} is no whole number")
        if not minimum <= int(digits) <= maximum:
            bound = f"{minimum} or more" if int(digits) < minimum else f"{maximum} or less"
            raise ValueError(f"{value} is not between {minimum} and {maximum}: it must be {bound}")
        return int(digits)

    return read


SETTINGS: dict[str, Setting] = {
    "listen": Setting(parse_host_port, "where devices connect; port 0 takes a free one"),
    "data": Setting(lambda text: Path(str(text)), "the data folder; one node a folder"),
    "sms": Setting(_sms, "who brings verification codes: console, file:PATH or webhook:URL"),
    "sms_secret": Setting(
        _secrets,
        "what requests to the webhook are signed with, 16 characters or more; two while it is changed",
    ),
    "admin": Setting(_admin, "where operators ask; off for none. Off loopback it needs an admin_token"),
    "ready_file": Setting(
        lambda text: Path(str(text)), "written once devices can connect: JSON with relay, admin, pid, workers"
    ),
    "workers": Setting(
        _whole(1, MAX_WORKERS), "processes that share the work: as many as there are cores to give them"
    ),
    "keepalive_seconds": Setting(
        _whole(5, 600), "silence after which a device pings; the relay gives it up after 2.5 times as long"
    ),
    "window_messages": Setting(
        _whole(1, 4_096), "unacknowledged deliveries a device may have; the rest waits"
    ),
    "window_bytes": Setting(_whole(1_024, 2**24), "the same in bytes: what a slow reader can cost in memory"),
    "max_connections": Setting(_whole(1, 1_000_000), "device connections at a time"),
    "max_handshakes": Setting(_whole(1, 100_000), "connections that have not said who they are, at a time"),
    "max_unsent_bytes": Setting(
        _whole(65_536, 2**28), "written but not taken by a peer; beyond it: too-slow"
    ),
    "max_queued_messages": Setting(
        _whole(1, 10_000_000), "messages that may wait for one device; then mailbox-full"
    ),
    "mailbox_idle_seconds": Setting(
        _whole(1, 86_400), "a mailbox without device or work leaves memory after this"
    ),
    "message_life_days": Setting(
        _whole(1, 3_650),
        "days after which a message that no device has fetched is dropped, and its sender told",
    ),
    "limit_connections": Setting(
        parse_limit,
        "new connections of each worker: a little less than one core can log in",
    ),
    "limit_connections_per_address": Setting(
        parse_limit,
        "new connections of one address (or /64 in IPv6) that prove to be nobody's; this machine excepted",
    ),
    "limit_logins": Setting(
        parse_limit,
        "logins of one account",
    ),
    "limit_messages": Setting(
        parse_limit,
        "messages of one account",
    ),
    "limit_bytes": Setting(
        parse_limit,
        "bytes of one account; beyond it the relay reads more slowly",
    ),
    "limit_prekey_fetches": Setting(
        parse_limit,
        "prekey fetches of one account; the burst is for whoever meets a whole group",
    ),
    "limit_prekey_fetches_per_target": Setting(
        parse_limit,
        "prekey fetches of one account for one user: nobody else may run out of one-time prekeys by them",
    ),
    "limit_one_time_prekeys": Setting(
        parse_limit,
        "one-time prekeys of one user for all who fetch them together; beyond it the last resorts do",
    ),
    "limit_lookups": Setting(
        parse_limit,
        "numbers that one account may look up: an address book, and what is added to it",
    ),
    "limit_lookups_of_new": Setting(
        parse_limit,
        "the same for an account in its first week",
    ),
    "limit_lookups_per_address": Setting(
        parse_limit,
        "numbers that all accounts behind one address may look up",
    ),
    "limit_profile_fetches": Setting(
        parse_limit,
        "pieces of profiles that one account may fetch; a profile has up to three",
    ),
    "limit_subscriptions": Setting(
        parse_limit,
        "chats of one account that begin to show who is online; beyond it nothing is shown",
    ),
    "limit_export_pages": Setting(
        parse_limit,
        "pages of what is kept of it that one account may fetch (roost account export)",
    ),
    "limit_account_changes": Setting(
        parse_limit,
        "changes of one account to its privacy, its blocks and its profile",
    ),
    "limit_codes": Setting(
        parse_limit,
        "verification codes in total: each costs money",
    ),
    "limit_codes_per_address": Setting(
        parse_limit,
        "verification codes asked for from one address",
    ),
    "admin_token": Setting(
        _token, "what the admin endpoint asks for (Authorization: Bearer ...), 16 characters or more"
    ),
}
"""Every key of the TOML file, of the environment (`ROOST_` and upper case), and of the flags."""

TEST_HOOKS_VARIABLE = "ROOST_TEST_HOOKS"

OTHER_VARIABLES = (TEST_HOOKS_VARIABLE, "ROOST_CONFIG", "ROOST_LOG", "ROOST_LOG_LEVEL", "ROOST_LOG_FORMAT")
"""ROOST_ variables that are no settings of the node."""


def load(file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]) -> Config:
    """Put the settings together.

    Args:
        file: a TOML file, or None.
        environment: the process's variables; only those that begin with ROOST_ are looked at.
        flags: what the command line said, by key; None means "not said".

    Raises:
        ConfigError: a key that does not exist, a value that cannot be used, or an admin endpoint that others
            can reach without a token.
    """
    values: dict[str, Any] = {}
    if file is not None:
        _add(values, str(file), _read_file(file))
    _add(values, "environment", _from_environment(environment), spelled=lambda key: f"ROOST_{key.upper()}")
    said = {key: value for key, value in flags.items() if value is not None}
    _add(values, "command line", said, spelled=lambda key: "--" + key.replace("_", "-"))
    config = Config(**values, test_hooks=_test_hooks(environment))
    _check_admin(config)
    _check_code_file(config)
    return config


def _check_code_file(config: Config) -> None:
    """A file that can never be written would be found out by the first person who waits for a code."""
    kind, _, rest = config.sms.partition(":")
    path = Path(rest)
    # The data folder itself is made by the start.
    if kind != "file" or (path.parent.is_dir() and not path.is_dir()) or path.parent == config.data:
        return
    problem = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
    raise ConfigError("settings", "sms", f"codes cannot be written to {path}: {problem}")


def _check_admin(config: Config) -> None:
    """Whoever reaches the admin endpoint can stop the node, so beyond this machine it takes a token."""
    if config.admin is None or config.admin_token is not None or is_loopback(config.admin.host):
        return
    problem = (
        f"{config.admin} can be reached from other machines, so it needs a token: set ROOST_ADMIN_TOKEN "
        "(or admin_token in the file), or bind it to 127.0.0.1"
    )
    raise ConfigError("settings", "admin", problem)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`. A name that is looked up counts as not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _add(
    values: dict[str, Any], source: str, given: Mapping[str, Any], spelled: Callable[[str], str] = str
) -> None:
    for key, value in given.items():
        setting = SETTINGS.get(key)
        if setting is None:
            raise ConfigError(source, spelled(key), f"no such setting; there are {', '.join(SETTINGS)}")
        try:
            values[key] = setting.read(value)
        except ValueError as error:
            raise ConfigError(source, spelled(key), str(error)) from None


def _read_file(file: Path) -> dict[str, Any]:
    import tomllib  # takes long to import, and workers read no file

    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError("--config", str(file), error.strerror or str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("--config", str(file), f"no valid TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("ROOST_").lower(): value
        for name, value in environment.items()
        if name.startswith("ROOST_") and name not in OTHER_VARIABLES
    }


def _test_hooks(environment: Mapping[str, str]) -> bool:
    value = environment.get(TEST_HOOKS_VARIABLE, "0")
    if value not in ("", "0", "1"):
        raise ConfigError("environment", TEST_HOOKS_VARIABLE, "must be 1 (on) or 0 (off)")
    return value == "1"


def as_table(config: Config) -> dict[str, str]:
    """The settings as text, for the log line that says how a node was started."""
    table = {each.name: str(getattr(config, each.name)) for each in dataclasses.fields(config)}
    secret = ("admin_token", "sms_secret")
    return table | {key: "(set)" if getattr(config, key) else "None" for key in secret}
