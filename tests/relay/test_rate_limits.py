"""Token buckets, as plain numbers; that they are in front of everything is tried in test_d7_*.py."""

import pytest

from protocol import ErrorCode, UserId
from relay.config import Config
from relay.errors import RefusalError
from relay.rate_limits import (
    BULK_SPARE,
    MAX_KEYS,
    Buckets,
    Limit,
    LookupAsker,
    RateLimits,
    address_of,
    parse_limit,
    whole_seconds,
)

TEN = Limit(1, "s", 10)
ANNA, BEN = UserId(1), UserId(2)


def test_a_full_bucket_gives_its_burst_and_then_says_how_long_to_wait() -> None:
    buckets = Buckets(TEN)
    assert [buckets.take("a", 100.0) for _ in range(10)] == [0.0] * 10
    assert buckets.take("a", 100.0) == pytest.approx(1.0)


def test_whoever_waits_as_long_as_told_gets_it() -> None:
    buckets = Buckets(TEN)
    buckets.take("a", 0.0, 10)
    wait = buckets.take("a", 0.5, 3)
    assert wait == pytest.approx(2.5)
    assert buckets.take("a", 0.5 + wait, 3) == 0.0


def test_asking_too_early_costs_nothing() -> None:
    buckets = Buckets(TEN)
    buckets.take("a", 0.0, 10)
    waits = [buckets.take("a", 0.0) for _ in range(100)]
    assert waits == [pytest.approx(1.0)] * 100


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    buckets = Buckets(TEN)
    assert buckets.take("a", 1e6, 10) == 0.0
    assert buckets.take("a", 1e6) > 0


def test_keys_have_nothing_to_do_with_one_another() -> None:
    buckets = Buckets(TEN)
    buckets.take("a", 0.0, 10)
    assert buckets.take("b", 0.0, 10) == 0.0


def test_more_than_a_bucket_holds_is_given_when_it_is_full_and_paid_for_afterwards() -> None:
    buckets = Buckets(TEN)
    assert buckets.take("a", 0.0, 25) == 0.0
    assert buckets.take("a", 0.0) == pytest.approx(16.0)


def test_what_is_charged_is_always_taken() -> None:
    buckets = Buckets(TEN)
    assert buckets.charge("a", 0.0, 10) == 0.0
    assert buckets.charge("a", 0.0, 5) == pytest.approx(5.0)
    assert buckets.charge("a", 15.0, 10) == 0.0


def test_any_number_of_keys_costs_bounded_memory() -> None:
    buckets = Buckets(TEN, max_keys=100)
    for key in range(10_000):
        buckets.take(key, 0.0)
        assert len(buckets) <= 200


def test_whoever_keeps_coming_is_not_forgotten_among_many_others() -> None:
    buckets = Buckets(TEN, max_keys=100)
    for key in range(1, 1_000):
        if key % 50 == 1:
            buckets.charge(0, 0.0, 10)
        buckets.take(key, 0.0)
    assert buckets.take(0, 0.0) > 0


@pytest.mark.parametrize("text", ["10/s burst 300", "1/min burst 20", "36/h burst 6", "5000/d burst 1"])
def test_a_limit_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_limit(text)) == text


@pytest.mark.parametrize(
    "text", ["", "10", "10/s", "10/week burst 3", "0/s burst 3", "3/s burst 0", "-1/s burst 1"]
)
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"limit|never"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9:4711", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.7]:4711", "192.0.2.7"),
        ("127.0.0.1:4711", None),
        ("[::1]:4711", None),
        ("[::ffff:127.0.0.1]:4711", None),
        ("somewhere:4711", "somewhere"),
    ],
)
def test_connections_are_counted_for_whoever_holds_the_address(remote: str, address: str | None) -> None:
    assert address_of(remote) == address


def test_one_address_is_turned_away_while_others_pass() -> None:
    limits = RateLimits(Config(limit_connections_per_address=TEN))
    admitted = [limits.admits("192.0.2.7:1", 0.0) for _ in range(1_000)]
    assert admitted == [True] * 10 + [False] * 990
    assert limits.admits("192.0.2.8:1", 0.0)


def test_many_addresses_together_meet_the_limit_in_total() -> None:
    limits = RateLimits(Config(limit_connections=TEN))
    admitted = [limits.admits(f"10.0.{n // 256}.{n % 256}:1", 0.0) for n in range(2 * MAX_KEYS // 100)]
    assert sum(admitted) == 10


def test_one_time_prekeys_of_a_user_are_rationed_whoever_fetches_and_nobody_is_refused() -> None:
    limits = RateLimits(Config())
    granted = [limits.grants_one_time(BEN, 0.0) for _ in range(30)]
    assert granted == [True] * 20 + [False] * 10
    assert limits.grants_one_time(ANNA, 0.0)
    in_an_hour = [limits.grants_one_time(BEN, 3600.0) for _ in range(20)]
    assert sum(in_an_hour) == 12


def test_one_user_cannot_take_all_prekeys_of_another() -> None:
    limits = RateLimits(Config())
    for _ in range(6):
        limits.check_prekeys(ANNA, BEN, 0.0)
    with pytest.raises(RefusalError) as refusal:
        limits.check_prekeys(ANNA, BEN, 0.0)
    assert (refusal.value.code, refusal.value.detail) == (ErrorCode.WAIT, 100)
    limits.check_prekeys(BEN, ANNA, 0.0)


def test_an_address_book_may_be_looked_up_and_not_the_directory() -> None:
    limits = RateLimits(Config())
    for _ in range(19):
        limits.check_lookup(asker(ANNA), 256, 0.0)
    with pytest.raises(RefusalError):
        limits.check_lookup(asker(ANNA), 256, 0.0)


def test_a_new_account_may_look_up_less() -> None:
    limits = RateLimits(Config())
    new = asker(ANNA, is_new=True)
    for _ in range(3):
        limits.check_lookup(new, 256, 0.0)
    with pytest.raises(RefusalError) as refusal:
        limits.check_lookup(new, 256, 0.0)
    assert refusal.value.detail == 4_148  # 24 are missing, and one comes each 172.8 s


def test_an_address_book_leaves_something_for_a_number_that_is_written_to() -> None:
    limits = RateLimits(Config(limit_lookups=Limit(1_000, "d", 1_000)))
    for _ in range(3):
        limits.check_lookup(asker(ANNA, in_bulk=True), 256, 0.0)
    with pytest.raises(RefusalError):
        limits.check_lookup(asker(ANNA, in_bulk=True), 256, 0.0)
    for _ in range(BULK_SPARE):
        limits.check_lookup(asker(ANNA), 1, 0.0)


def test_many_accounts_behind_one_address_look_up_no_more_than_the_address_may() -> None:
    limits = RateLimits(Config(limit_lookups_per_address=Limit(1, "s", 500)))
    limits.check_lookup(asker(ANNA, "192.0.2.7:1"), 256, 0.0)
    with pytest.raises(RefusalError) as refusal:
        limits.check_lookup(asker(BEN, "192.0.2.7:2"), 256, 0.0)
    assert refusal.value.detail == 12
    limits.check_lookup(asker(BEN, "192.0.2.8:2"), 256, 0.0)
    # Who was refused for the address has used up nothing of the account.
    for _ in range(18):
        limits.check_lookup(asker(BEN), 256, 0.0)


def asker(
    user: UserId, remote: str = "127.0.0.1:1", *, is_new: bool = False, in_bulk: bool = False
) -> LookupAsker:
    return LookupAsker(user, remote, is_new, in_bulk)


def test_codes_are_limited_by_address_and_in_total() -> None:
    limits = RateLimits(Config(limit_codes=Limit(1, "s", 30)))
    for _ in range(20):
        limits.check_code("192.0.2.7:1", 0.0)
    with pytest.raises(RefusalError):
        limits.check_code("192.0.2.7:1", 0.0)
    for _ in range(10):
        limits.check_code("127.0.0.1:1", 0.0)
    with pytest.raises(RefusalError):
        limits.check_code("127.0.0.1:1", 0.0)


def test_a_device_that_logs_in_again_and_again_is_told_to_wait() -> None:
    limits = RateLimits(Config())
    for _ in range(60):
        limits.check_login(ANNA, 0.0)
    with pytest.raises(RefusalError):
        limits.check_login(ANNA, 0.0)


def test_a_wait_is_told_in_whole_seconds_and_never_too_short() -> None:
    assert [whole_seconds(wait) for wait in (0.01, 1.0, 1.2)] == [1, 1, 2]


def test_what_is_given_back_can_be_taken_again_and_never_more_than_that() -> None:
    buckets = Buckets(TEN)
    buckets.take("a", 0.0, 10)
    buckets.give_back("a", 0.0)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0
    for _ in range(3):
        buckets.give_back("b", 0.0)
    assert buckets.take("b", 0.0, 10) == 0.0
    assert buckets.take("b", 0.0) > 0


def test_thousands_of_phones_behind_one_address_pass_as_fast_as_they_prove_their_accounts() -> None:
    limits = RateLimits(Config(limit_connections=Limit(10**6, "s", 10**6)))
    passed = 0
    for _ in range(10):
        at_once = [limits.admits("192.0.2.7:1", 0.0) for _ in range(300)]
        passed += sum(at_once)
        for _ in at_once:
            limits.has_account("192.0.2.7:2", 0.0)
    assert passed == 3_000


def test_an_address_does_not_pay_for_the_crowd_of_others() -> None:
    limits = RateLimits(
        Config(
            limit_connections=Limit(1, "s", 10),
            limit_connections_per_address=Limit(1, "s", 20),
        )
    )
    assert sum(limits.admits("192.0.2.7:1", 0.0) for _ in range(1_000)) == 10
    assert sum(limits.admits("192.0.2.7:1", 10.0) for _ in range(10)) == 10
