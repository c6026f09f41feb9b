"""faults/real/checker.py: finds each thing that must not be, and takes offence at nothing that may be."""

import pytest

from faults.real.checker import Fate, Findings, check
from faults.real.ledger import Link
from tests.faults.pages import GROUP, Pages


def rules(findings: Findings) -> list[str]:
    """The rules that were broken."""
    return [violation.rule for violation in findings.violations]


@pytest.fixture
def pages() -> Pages:
    """Ann and Ben with a phone each; Ben has a companion besides."""
    return Pages("ann", "ben", "benc")


def deliver(pages: Pages, text: str = "ann.1.1", *ticks: str) -> None:
    """A message of Ann's that comes to both of Ben's devices."""
    pages.write("ann", text, "ben", *(ticks or ("accepted", "delivered")))
    pages.show("ben", text, "ann")
    pages.show("benc", text, "ann")


# ---- as it should be ----


def test_a_message_that_is_everywhere_once_is_delivered(pages: Pages) -> None:
    deliver(pages)
    findings = check(pages.end())
    assert findings.held
    assert findings.fates == {"ann.1.1": Fate.DELIVERED}
    assert findings.counts["accepted"] == findings.counts["delivered"] == 1
    assert findings.counts["shown"] == 2
    assert findings.counts["devices"] == 3
    assert findings.counts["people"] == 2


def test_a_message_of_a_companion_has_to_be_on_its_persons_first_phone_too(pages: Pages) -> None:
    pages.write("benc", "benc.1.1", "ann", "accepted", "delivered")
    pages.show("ann", "benc.1.1", "ben")
    pages.hear("ben", "benc.1.1", "ann")
    assert check(pages.end()).held


def test_a_message_in_a_group_has_to_be_with_all_its_members() -> None:
    pages = Pages("ann", "ben", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ann", "ann.1.1", GROUP, "accepted", "delivered", "read")
    pages.records.pop()  # read, which comes only when both have looked
    for who in ("ben", "cleo"):
        pages.show(who, "ann.1.1", "ann", GROUP)
        pages.look(who, "ann.1.1")
    pages.tick("ann", "ann.1.1", "read")
    assert check(pages.end()).held


# ---- D1, D2: lost ----


@pytest.mark.parametrize("state", ["accepted", "delivered", "read"])
def test_what_was_ticked_and_is_on_no_shelf_is_lost(pages: Pages, state: str) -> None:
    pages.write("ann", "ann.1.1", "ben", state)
    findings = check(pages.end())
    assert findings.fates["ann.1.1"] is Fate.LOST
    assert findings.counts["lost"] == 1
    assert str(findings.of_rule("D2")[0]) == f"D2: ben never got ann.1.1, which is {state}"


def test_what_one_of_two_devices_does_not_have_is_lost_there(pages: Pages) -> None:
    deliver(pages)
    pages.remove("benc", "ann.1.1")
    findings = check(pages.end())
    assert [violation.sentence for violation in findings.violations] == [
        "benc never got ann.1.1, which is delivered"
    ]


def test_what_ones_own_other_device_never_heard_of_is_lost_there(pages: Pages) -> None:
    pages.write("benc", "benc.1.1", "ann", "accepted", "delivered")
    pages.show("ann", "benc.1.1", "ben")
    assert rules(check(pages.end())) == ["D2"]


def test_what_a_member_of_a_group_does_not_have_is_lost() -> None:
    pages = Pages("ann", "ben", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ann", "ann.1.1", GROUP, "accepted")
    pages.show("ben", "ann.1.1", "ann", GROUP)
    findings = check(pages.end())
    assert rules(findings) == ["D2"]
    assert "cleo" in findings.violations[0].sentence


def test_what_the_writers_own_phone_has_forgotten_is_lost(pages: Pages) -> None:
    deliver(pages)
    pages.remove("ann", "ann.1.1")
    assert rules(check(pages.end())) == ["D1"]


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_a_tick_is_not_taken_back(pages: Pages, state: str) -> None:
    pages.write("ann", "ann.1.1", "ben", "accepted")
    pages.remove("ann", "ann.1.1")
    pages.put_out("ann", "ann.1.1", "ben", state)
    assert "D1" in rules(check(pages.end()))


def test_what_cannot_be_opened_is_a_loss(pages: Pages) -> None:
    pages.put("ben", "", "ann", kind="undecryptable")
    assert [str(each) for each in check(pages.end()).violations] == ["D2: ben cannot open something of ann"]


def test_a_device_is_not_owed_what_was_written_before_it_was_there() -> None:
    pages = Pages("ann", "ben")
    pages.write("ann", "ann.1.1", "ben", "accepted", "delivered")
    pages.show("ben", "ann.1.1", "ann")
    pages.live("benc")
    assert check(pages.end()).held


def test_a_later_life_is_not_a_later_device(pages: Pages) -> None:
    deliver(pages)
    pages.live("ben")
    pages.remove("ben", "ann.1.1")
    findings = check(pages.end())
    assert rules(findings) == ["D2"]
    assert findings.counts["lives"] == 4


# ---- D3: order ----


def test_what_stands_behind_a_later_one_is_reordered(pages: Pages) -> None:
    for text in ("ann.1.1", "ann.1.2"):
        deliver(pages, text)
    pages.shelf("ben").reverse()
    findings = check(pages.end())
    assert [str(each) for each in findings.violations] == ["D3: ben has ann.1.1 after ann.1.2"]
    assert findings.fates["ann.1.1"] is Fate.REORDERED


def test_a_later_life_writes_later(pages: Pages) -> None:
    for text in ("ann.1.10", "ann.2.1"):
        deliver(pages, text)
    assert check(pages.end()).held


def test_messages_of_different_chats_and_devices_have_no_order() -> None:
    pages = Pages("ann", "ben", "benc", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ben", "ben.1.1", "ann", "accepted", "delivered")
    pages.write("ben", "ben.1.2", GROUP, "accepted", "delivered")
    pages.write("benc", "benc.1.1", "ann", "accepted", "delivered")
    pages.hear("benc", "ben.1.2", GROUP)
    pages.hear("benc", "ben.1.1", "ann")
    pages.hear("ben", "benc.1.1", "ann")
    for text, group in (("benc.1.1", ""), ("ben.1.2", GROUP), ("ben.1.1", "")):
        pages.show("ann", text, "ben", group)
    pages.show("cleo", "ben.1.2", "ben", GROUP)
    assert check(pages.end()).held


# ---- D4: twice ----


def test_what_is_on_a_shelf_twice_is_doubled(pages: Pages) -> None:
    deliver(pages)
    pages.put("ben", "ann.1.1", "ann")
    findings = check(pages.end())
    assert [str(each) for each in findings.violations] == ["D4: ben has ann.1.1 twice"]
    assert findings.fates["ann.1.1"] is Fate.DOUBLED


def test_what_was_shown_twice_is_doubled_though_it_is_on_the_shelf_once(pages: Pages) -> None:
    deliver(pages)
    pages.show("ben", "ann.1.1", "ann")
    pages.shelf("ben").pop()
    assert [str(each) for each in check(pages.end()).violations] == ["D4: ben was shown ann.1.1 twice"]


def test_what_is_in_ones_own_history_twice_is_doubled(pages: Pages) -> None:
    pages.write("benc", "benc.1.1", "ann", "accepted", "delivered")
    pages.show("ann", "benc.1.1", "ben")
    pages.hear("ben", "benc.1.1", "ann")
    pages.put_out("ben", "benc.1.1", "ann")
    assert rules(check(pages.end())) == ["D4"]


def test_what_was_shown_without_a_word_is_fine(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "accepted", "delivered")
    pages.put("ben", "ann.1.1", "ann")  # killed before it could say so
    pages.put("benc", "ann.1.1", "ann")
    assert check(pages.end()).held


# ---- D5: ticks ----


def test_two_ticks_without_a_device_that_has_it_are_false(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "accepted", "delivered")
    assert "D5: ann.1.1 has ✓✓, and ben does not have it" in map(str, check(pages.end()).violations)


def test_two_ticks_are_true_of_one_device_of_two(pages: Pages) -> None:
    deliver(pages)
    pages.remove("benc", "ann.1.1")
    assert check(pages.end()).of_rule("D5") == []


def test_two_ticks_in_a_group_need_all_its_members() -> None:
    pages = Pages("ann", "ben", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ann", "ann.1.1", GROUP, "accepted", "delivered")
    pages.show("ben", "ann.1.1", "ann", GROUP)
    assert [each.sentence for each in check(pages.end()).of_rule("D5")] == [
        "ann.1.1 has ✓✓, and cleo does not have it"
    ]


def test_read_before_anybody_has_looked_is_false(pages: Pages) -> None:
    deliver(pages, "ann.1.1", "accepted", "delivered", "read")
    pages.look("ben", "ann.1.1")
    assert [str(each) for each in check(pages.end()).violations] == [
        "D5: ann.1.1 is read, and ben had not looked"
    ]


def test_read_is_true_once_they_have_looked_on_any_device(pages: Pages) -> None:
    deliver(pages)
    pages.look("benc", "ann.1.1")
    pages.tick("ann", "ann.1.1", "read")
    assert check(pages.end()).held


def test_read_is_true_of_all_that_stands_before_what_was_looked_at(pages: Pages) -> None:
    for text in ("ann.1.1", "ann.1.2"):
        deliver(pages, text)
    pages.look("ben", "ann.1.2")
    pages.tick("ann", "ann.1.1", "read")
    assert check(pages.end()).held


def test_looking_at_what_another_has_written_is_no_reading(pages: Pages) -> None:
    pages.live("cleo")
    deliver(pages)
    pages.write("cleo", "cleo.1.1", "ben", "accepted", "delivered")
    pages.show("ben", "cleo.1.1", "cleo")
    pages.show("benc", "cleo.1.1", "cleo")
    pages.look("ben", "cleo.1.1")
    pages.tick("ann", "ann.1.1", "read")
    assert rules(check(pages.end())) == ["D5"]


def test_in_a_group_looking_at_what_another_wrote_later_is_reading() -> None:
    pages = Pages("ann", "ben", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ann", "ann.1.1", GROUP, "accepted", "delivered")
    pages.write("cleo", "cleo.1.1", GROUP, "accepted", "delivered")
    pages.show("cleo", "ann.1.1", "ann", GROUP)
    pages.show("ann", "cleo.1.1", "cleo", GROUP)
    for text, author in (("ann.1.1", "ann"), ("cleo.1.1", "cleo")):
        pages.show("ben", text, author, GROUP)
    pages.look("ben", "cleo.1.1")
    pages.look("cleo", "ann.1.1")
    pages.tick("ann", "ann.1.1", "read")
    assert check(pages.end()).held


# ---- phantoms ----


def test_what_nobody_wrote_is_a_phantom(pages: Pages) -> None:
    pages.put("ben", "ann.1.7", "ann")
    assert [str(each) for each in check(pages.end()).violations] == [
        "phantom: ben has ann.1.7, which nobody wrote"
    ]


def test_what_was_for_somebody_else_is_a_phantom(pages: Pages) -> None:
    pages.live("cleo")
    deliver(pages)
    pages.put("cleo", "ann.1.1", "ann")
    assert rules(check(pages.end())) == ["phantom"]


def test_what_is_told_as_from_somebody_else_is_a_phantom(pages: Pages) -> None:
    pages.live("cleo")
    deliver(pages)
    pages.remove("ben", "ann.1.1")
    pages.put("ben", "ann.1.1", "cleo")
    assert rules(check(pages.end())) == ["phantom"]


def test_what_was_said_in_a_group_does_not_belong_into_another_chat() -> None:
    pages = Pages("ann", "ben", "cleo")
    pages.group("ann", "ben", "cleo")
    pages.write("ann", "ann.1.1", GROUP, "accepted", "delivered")
    pages.show("ben", "ann.1.1", "ann")
    pages.show("cleo", "ann.1.1", "ann", GROUP)
    assert rules(check(pages.end())) == ["phantom"]


def test_keys_that_have_not_changed_and_are_said_to_have_are_a_phantom(pages: Pages) -> None:
    pages.put("ben", "", "ann", kind="security_code_changed")
    assert rules(check(pages.end())) == ["phantom"]


# ---- refused ----


def test_what_failed_and_is_nowhere_is_fine_and_counted_by_its_reason(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "failed", error="unknown-user")
    findings = check(pages.end())
    assert findings.held
    assert findings.fates["ann.1.1"] is Fate.FAILED
    assert findings.refusals == {"unknown-user": 1}


def test_what_failed_and_is_on_a_shelf_was_not_refused(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "failed", error="unknown-user")
    pages.show("ben", "ann.1.1", "ann")
    findings = check(pages.end())
    assert rules(findings) == ["failed and delivered"]
    assert findings.fates["ann.1.1"] is Fate.FAILED_AND_DELIVERED


def test_what_a_phone_did_not_take_is_never_written(pages: Pages) -> None:
    pages.decline("ann", "ann.1.1", "ben")
    findings = check(pages.end())
    assert findings.held
    assert findings.fates["ann.1.1"] is Fate.NEVER_WRITTEN
    assert findings.counts["written"] == 0


def test_what_a_phone_did_not_take_and_has_come_is_a_phantom(pages: Pages) -> None:
    pages.decline("ann", "ann.1.1", "ben")
    pages.show("ben", "ann.1.1", "ann")
    assert rules(check(pages.end())) == ["phantom"]


# ---- killed writers ----


def test_who_is_killed_before_writing_has_not_written(pages: Pages) -> None:
    pages.intend("ann", "ann.1.1", "ben")
    pages.live("ann")
    findings = check(pages.end())
    assert findings.held
    assert findings.fates["ann.1.1"] is Fate.NEVER_WRITTEN


def test_who_is_killed_after_writing_and_before_the_word_has_written(pages: Pages) -> None:
    pages.intend("ann", "ann.1.1", "ben")
    pages.put_out("ann", "ann.1.1", "ben", "delivered")
    pages.tick("ann", "ann.1.1", "delivered")  # its id was not known yet
    pages.show("ben", "ann.1.1", "ann")
    findings = check(pages.end())
    assert rules(findings) == ["D2"]  # the companion is owed it as well
    assert findings.counts["delivered"] == 1


@pytest.mark.parametrize(
    ("comes", "fate"), [(True, Fate.UNKNOWN_DELIVERED), (False, Fate.UNKNOWN)], ids=["comes", "does not"]
)
@pytest.mark.parametrize("says_so", [True, False], ids=["written", "about to be written"])
def test_the_last_message_of_who_never_comes_back_may_come_or_not(
    pages: Pages, comes: bool, fate: Fate, says_so: bool
) -> None:
    pages.live("cleo")
    if says_so:
        pages.write("cleo", "cleo.1.1", "ben")
    else:
        pages.intend("cleo", "cleo.1.1", "ben")
    if comes:
        pages.show("ben", "cleo.1.1", "cleo")
        pages.show("benc", "cleo.1.1", "cleo")
    findings = check(pages.end(without=["cleo"]))
    assert findings.fates["cleo.1.1"] is fate
    assert [each.sentence for each in findings.violations] == ["cleo never came to show what it has"]


# ---- everything comes to its end ----


def test_a_message_that_is_still_pending_in_the_end_has_not_settled(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben")
    findings = check(pages.end())
    assert [str(each) for each in findings.violations] == [
        "liveness: ann.1.1 is neither accepted nor refused"
    ]
    assert findings.fates["ann.1.1"] is Fate.UNSETTLED


def test_two_ticks_that_never_come_are_missed(pages: Pages) -> None:
    deliver(pages, "ann.1.1", "accepted")
    assert [str(each) for each in check(pages.end()).violations] == [
        "liveness: everybody has ann.1.1, and its ✓✓ never came"
    ]


def test_a_device_that_does_not_show_what_it_has_is_missed_and_not_judged(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "accepted", "delivered", "read")
    pages.show("ben", "ann.1.1", "ann")
    findings = check(pages.end(without=["ben", "benc"]))
    assert rules(findings) == ["liveness", "liveness"]
    assert findings.fates["ann.1.1"] is Fate.DELIVERED


def test_a_phone_that_gives_up_is_a_violation(pages: Pages) -> None:
    pages.records.append(Link(pages.at(), "ann", "stopped", "PhoneFailedError"))
    assert [str(each) for each in check(pages.end()).violations] == [
        "liveness: the phone of ann gave up: PhoneFailedError"
    ]


# ---- D6: expiry ----


def test_what_expires_in_a_run_of_minutes_left_the_relay_too_soon(pages: Pages) -> None:
    pages.write("ann", "ann.1.1", "ben", "accepted", "expired")
    findings = check(pages.end())
    assert rules(findings) == ["D6"]
    assert findings.fates["ann.1.1"] is Fate.EXPIRED


# ---- figures ----


def test_figures_count_messages_by_what_became_of_them(pages: Pages) -> None:
    deliver(pages, "ann.1.1")
    deliver(pages, "ann.1.2", "accepted")
    pages.write("ann", "ann.1.3", "ben", "failed", error="unknown-user")
    pages.write("ann", "ann.1.4", "ben", "accepted")
    pages.intend("ann", "ann.1.5", "ben")
    counts = check(pages.end()).counts
    expected = {"written": 4, "accepted": 3, "delivered": 1, "failed": 1, "lost": 1, "never written": 1}
    assert {name: counts[name] for name in expected} == expected
