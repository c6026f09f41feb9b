from dataclasses import replace

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.errors import BadLogError, BadStateError, MisuseError
from protocol.e2e.keys import IdentityKeyPair
from protocol.e2e.membership import (
    ENTRY_CONTEXT,
    Author,
    Flaw,
    Vouched,
    decode_log,
    extend,
    is_invite_proved,
    prove_invite,
    replay,
    sign_entry,
)
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.membership import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    Invite,
    Join,
    Leave,
    Promote,
    Rekey,
    Remove,
    Revoke,
    Settings,
    SignedEntry,
    UnsupportedEntryError,
    apply,
    decode_signed_entry,
    entry_hash,
    judge,
)
from tests.protocol.e2e.group_people import (
    GROUP,
    INFO,
    INVITE,
    TIME,
    Scribe,
    companion,
    identity,
    join,
    knows_all,
    knows_none,
    member,
    phone,
)

ANNA, BEN, CARA, DAN, EVE = (UserId(number) for number in range(1, 6))
ADD_EVE = Add((member(EVE),))


def with_invite(*users: UserId) -> Scribe:
    scribe = Scribe.of(*users)
    scribe.add(phone(users[0]), Invite(INVITE.public))
    return scribe


def signed_by(impostor: IdentityKeyPair, scribe: Scribe, author: Author, action: Action) -> bytes:
    """An entry in the author's name that somebody else has signed."""
    encoded = scribe.draft(author, action).encode()
    entry = scribe.draft(author, action)
    return SignedEntry(entry, encoded, impostor.sign(ENTRY_CONTEXT + encoded), author.device_list).encode()


# --- What counts ---


def test_what_members_do_counts() -> None:
    scribe = with_invite(ANNA, BEN)
    for author, action in (
        (phone(ANNA), Add((member(CARA),))),
        (phone(ANNA), Promote((BEN,))),
        (phone(BEN), ChangeSettings(Settings.ADMINS_SEND)),
        (phone(BEN), Describe(b"new")),
        (phone(EVE), join(EVE)),
        (phone(BEN), Remove((CARA,))),
        (phone(BEN), Demote((ANNA,))),
        (phone(BEN), Revoke(INVITE.public)),
        (phone(ANNA), Leave()),
        (phone(EVE, device=2), Rekey(identity(EVE, 2).public)),
    ):
        assert scribe.add(author, action).finding is None, action
    assert list(scribe.read.state.members) == [BEN, EVE]
    assert scribe.read.state.members[EVE].key == identity(EVE, 2).public
    assert replay(GROUP, scribe.entries, knows_all).log == scribe.read


def test_a_companion_counts_as_its_account() -> None:
    scribe = Scribe.of(ANNA, BEN)
    assert scribe.add(companion(ANNA), Add((member(CARA),))).finding is None
    assert scribe.add(companion(BEN, device=3), Leave()).finding is None
    assert list(scribe.read.state.members) == [ANNA, CARA]


def test_a_companion_may_create_a_group_and_join_one() -> None:
    scribe = Scribe()
    scribe.add(companion(ANNA), Create((member(ANNA),), Settings(0), INFO))
    scribe.add(companion(ANNA), Invite(INVITE.public))
    assert scribe.add(companion(EVE), join(EVE)).finding is None
    assert scribe.read.state.members[EVE].key == identity(EVE, 1).public


# --- What does not: it is skipped, and the log goes on ---


def test_a_member_that_no_admin_added_is_an_intruder() -> None:
    scribe = Scribe.of(ANNA, BEN)
    before = scribe.read.state
    relay = IdentityKeyPair.from_seed(b"r" * 32)
    extended = scribe.take(signed_by(relay, scribe, phone(ANNA), ADD_EVE))
    assert extended.finding is not None
    assert extended.finding.flaw is Flaw.SIGNATURE
    assert extended.finding.intruders == (EVE,)
    assert extended.log.intruders == {EVE: 1}
    assert extended.log.state.members == before.members
    assert extended.log.state.epoch == 1
    assert scribe.add(phone(ANNA), Promote((BEN,))).finding is None


def test_an_intruder_is_one_until_an_admin_adds_them() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.take(signed_by(IdentityKeyPair.from_seed(b"r" * 32), scribe, phone(ANNA), ADD_EVE))
    assert not scribe.add(phone(ANNA), ADD_EVE).log.intruders
    assert EVE in scribe.read.state.members


def test_a_device_with_a_key_of_its_own_is_nobody() -> None:
    scribe = Scribe.of(ANNA, BEN)
    relay = Author(DeviceAddress(ANNA, DeviceId(1)), IdentityKeyPair.from_seed(b"r" * 32), None)
    finding = scribe.add(relay, ADD_EVE).finding
    assert finding is not None
    assert finding.flaw is Flaw.DEVICE


@pytest.mark.parametrize(
    "author",
    [
        Author(DeviceAddress(ANNA, DeviceId(2)), identity(ANNA, 2), None),
        companion(ANNA, device=2, listed=False),
        companion(ANNA, device=2, primary=3),
        Author(DeviceAddress(ANNA, DeviceId(2)), identity(ANNA, 2), companion(BEN).device_list),
        Author(DeviceAddress(ANNA, DeviceId(4)), identity(ANNA, 2), companion(ANNA).device_list),
    ],
    ids=["no list", "not in the list", "another primary's list", "another user's list", "another's number"],
)
def test_a_companion_must_show_that_it_is_one(author: Author) -> None:
    scribe = Scribe.of(ANNA, BEN)
    finding = scribe.add(author, ADD_EVE).finding
    assert finding is not None
    assert (finding.flaw, finding.intruders) == (Flaw.DEVICE, (EVE,))


def test_a_device_list_with_a_wrong_signature_is_none() -> None:
    scribe = Scribe.of(ANNA, BEN)
    good = companion(ANNA)
    assert good.device_list is not None
    forged = good._replace(device_list=good.device_list._replace(signature=bytes(64)))
    finding = scribe.add(forged, ADD_EVE).finding
    assert finding is not None
    assert finding.flaw is Flaw.DEVICE


def test_a_removed_companion_cannot_speak_with_its_old_list() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(companion(ANNA, device=2, number=4), Promote((BEN,)))
    scribe.add(companion(ANNA, device=3, number=5), Demote((BEN,)))
    finding = scribe.add(companion(ANNA, device=2, number=4), ADD_EVE).finding
    assert finding is not None
    assert finding.reason == "a device list that has been replaced"


def test_a_new_primary_begins_its_lists_anew() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(companion(ANNA, number=9), Promote((BEN,)))
    scribe.add(phone(ANNA, device=4), Rekey(identity(ANNA, 4).public))
    later = companion(ANNA, device=5, number=1, primary=4)
    assert scribe.add(later, Demote((BEN,))).finding is None


def test_who_may_not_is_found_although_they_signed() -> None:
    scribe = Scribe.of(ANNA, BEN)
    finding = scribe.add(phone(BEN), ADD_EVE).finding
    assert finding is not None
    assert (finding.flaw, finding.reason) == (Flaw.RULE, "only admins may do this")
    assert finding.intruders == (EVE,)


def test_who_joins_must_have_the_invitation() -> None:
    scribe = with_invite(ANNA)
    proof = prove_invite(INVITE, GROUP, DAN, identity(DAN, 1).public)
    stolen = Join(INVITE.public, proof, identity(EVE, 1).public)
    finding = scribe.add(phone(EVE), stolen).finding
    assert finding is not None
    assert (finding.flaw, finding.intruders) == (Flaw.INVITE, (EVE,))


def test_a_proof_is_for_one_person_and_one_group() -> None:
    key = identity(EVE, 1).public
    proof = prove_invite(INVITE, GROUP, EVE, key)
    assert is_invite_proved(INVITE.public, proof, GROUP, EVE, key)
    assert not is_invite_proved(INVITE.public, proof, GroupId(GROUP + 1), EVE, key)
    assert not is_invite_proved(INVITE.public, proof, GROUP, DAN, key)
    assert not is_invite_proved(INVITE.public, proof, GROUP, EVE, identity(DAN, 1).public)
    assert not is_invite_proved(b"", proof, GROUP, EVE, key)


def test_a_new_phone_counts_once_its_key_is_known() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.knows = knows_none
    rekey = Rekey(identity(ANNA, 2).public)
    finding = scribe.add(phone(ANNA, device=2), rekey).finding
    assert finding is not None
    assert finding.flaw is Flaw.KEY
    assert scribe.read.state.members[ANNA].key == identity(ANNA, 1).public
    assert scribe.add(phone(ANNA, device=2), ADD_EVE).finding is not None
    learned = replay(GROUP, scribe.entries, lambda user, key: (user, key) == (ANNA, rekey.key))
    assert not learned.findings
    assert list(learned.log.state.members) == [ANNA, BEN, EVE]


def test_the_flaw_of_an_entry_leaves_what_was_believed_as_it_was() -> None:
    scribe = Scribe.of(ANNA, BEN)
    before = scribe.read
    scribe.add(phone(EVE), Leave())
    assert before.state.epoch == 0
    assert not before.intruders


# --- What cannot be a log at all ---


def test_a_gap_is_no_log() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(phone(ANNA), ADD_EVE)
    scribe.add(phone(ANNA), Promote((EVE,)))
    with pytest.raises(BadLogError):
        replay(GROUP, [scribe.entries[0], scribe.entries[2]], knows_all)
    with pytest.raises(BadLogError):
        extend(None, GROUP, scribe.entries[1], knows_all)


def test_entries_in_another_order_are_no_log() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(phone(ANNA), ADD_EVE)
    scribe.add(phone(ANNA), Promote((EVE,)))
    first, second, third = scribe.entries
    for order in ([first, third, second], [second, first, third], [first, first], [first, second, second]):
        with pytest.raises(BadLogError):
            replay(GROUP, order, knows_all)


def test_a_second_history_is_no_log() -> None:
    scribe, other = Scribe.of(ANNA, BEN), Scribe.of(ANNA, BEN)
    scribe.add(phone(ANNA), ADD_EVE)
    other.add(phone(ANNA), Promote((BEN,)))
    other.add(phone(ANNA), ADD_EVE)
    with pytest.raises(BadLogError):
        extend(scribe.log, GROUP, other.entries[2], knows_all)


def test_an_entry_of_another_group_is_none() -> None:
    scribe = Scribe.of(ANNA)
    with pytest.raises(BadLogError):
        extend(None, GroupId(GROUP + 1), scribe.entries[0], knows_all)


def test_a_group_that_its_creator_has_not_signed_is_none() -> None:
    empty = Scribe()
    create = Create((member(ANNA),), Settings(0), INFO)
    forged = signed_by(IdentityKeyPair.from_seed(b"r" * 32), empty, phone(ANNA), create)
    with pytest.raises(BadLogError, match="nobody has made"):
        extend(None, GROUP, forged, knows_all)


@given(st.binary(max_size=200))
def test_noise_is_no_entry(noise: bytes) -> None:
    with pytest.raises(BadLogError):
        extend(Scribe.of(ANNA).log, GROUP, noise, knows_all)


def test_an_entry_of_a_later_version_stops_the_reading() -> None:
    later = cbor2.dumps([cbor2.dumps([2, "later"]), bytes(64)])
    with pytest.raises(UnsupportedEntryError):
        extend(Scribe.of(ANNA).log, GROUP, later, knows_all)


# --- What somebody vouches for ---


def rekeyed_group() -> Scribe:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(phone(ANNA, device=2), Rekey(identity(ANNA, 2).public))
    scribe.add(phone(ANNA, device=2), ADD_EVE)
    return scribe


def test_a_newcomer_believes_the_keys_that_a_member_has_checked() -> None:
    scribe = rekeyed_group()
    state = scribe.read.state
    welcomed = replay(GROUP, scribe.entries, knows_none, Vouched(state.epoch, state.head))
    assert not welcomed.findings
    assert welcomed.log.state == state
    assert [finding.flaw for finding in replay(GROUP, scribe.entries, knows_none).findings] == [
        Flaw.KEY,
        Flaw.DEVICE,
    ]


def test_entries_that_come_one_by_one_must_lead_to_what_is_vouched_for() -> None:
    scribe = rekeyed_group()
    log = None
    for signed in scribe.entries[:2]:
        log = extend(log, GROUP, signed, knows_none, Vouched(2, bytes(32))).log
    with pytest.raises(BadLogError, match="another history"):
        extend(log, GROUP, scribe.entries[2], knows_none, Vouched(2, bytes(32)))
    assert (
        extend(log, GROUP, scribe.entries[2], knows_none, Vouched(2, scribe.read.state.head)).finding is None
    )


def test_behind_what_is_vouched_for_keys_must_be_known() -> None:
    scribe = rekeyed_group()
    first = Vouched(0, entry_hash(scribe.entries[0]))
    assert len(replay(GROUP, scribe.entries, knows_none, first).findings) == 2


def test_another_history_than_the_vouched_one_is_refused() -> None:
    scribe = rekeyed_group()
    state = scribe.read.state
    for vouched in (Vouched(state.epoch, bytes(32)), Vouched(1, state.head)):
        with pytest.raises(BadLogError, match="another history"):
            replay(GROUP, scribe.entries, knows_none, vouched)
    with pytest.raises(BadLogError, match="too early"):
        replay(GROUP, scribe.entries, knows_none, Vouched(state.epoch + 1, state.head))
    with pytest.raises(BadLogError, match="too early"):
        replay(GROUP, [], knows_none)


# --- Writing and storing ---


def test_an_entry_is_signed_by_its_author_only() -> None:
    scribe = Scribe.of(ANNA, BEN)
    with pytest.raises(MisuseError):
        sign_entry(phone(BEN), scribe.draft(phone(ANNA), Leave()))


def test_a_log_comes_out_of_the_store_as_it_went_in() -> None:
    scribe = Scribe.of(ANNA, BEN)
    scribe.add(companion(ANNA, number=3), Promote((BEN,)))
    scribe.take(signed_by(IdentityKeyPair.from_seed(b"r" * 32), scribe, phone(ANNA), ADD_EVE))
    assert decode_log(scribe.read.encode()) == scribe.read


def test_a_stored_log_that_is_damaged_is_refused() -> None:
    stored = Scribe.of(ANNA, BEN).read.encode()
    wrong = [stored[:length] for length in range(len(stored))]
    wrong += [
        b"\x00",
        cbor2.dumps([2, b"", [], []]),
        cbor2.dumps([1, b"", [], []]),
        cbor2.dumps([1, 2, 3, 4]),
    ]
    for each in wrong:
        with pytest.raises(BadStateError):
            decode_log(each)


# --- Random lives, honest and dishonest authors ---

USERS = (ANNA, BEN, CARA, DAN, EVE)
users = st.sampled_from(USERS)
lists_of_users = st.lists(users, min_size=1, max_size=2, unique=True).map(tuple)
actions: st.SearchStrategy[Action] = st.one_of(
    lists_of_users.map(lambda chosen: Add(tuple(map(member, chosen)))),
    lists_of_users.map(Remove),
    lists_of_users.map(Promote),
    lists_of_users.map(Demote),
    st.just(Leave()),
    st.sampled_from(Settings).map(ChangeSettings),
    st.just(Describe(b"new")),
    st.just(Invite(INVITE.public)),
    st.just(Revoke(INVITE.public)),
)
WAYS = ("phone", "companion", "impostor", "foreign", "unlisted", "tampered")


@given(st.lists(st.tuples(users, actions | st.just(None), st.sampled_from(WAYS)), max_size=25))
def test_what_is_believed_is_what_honest_members_did(steps: list[tuple[UserId, Action | None, str]]) -> None:
    scribe = with_invite(ANNA, BEN)
    model = scribe.read.state
    for user, chosen, way in steps:
        action = chosen if chosen is not None else join(user)
        author = {"companion": companion(user), "unlisted": companion(user, listed=False)}.get(
            way, phone(user)
        )
        if way == "foreign":
            author = author._replace(identity=IdentityKeyPair.from_seed(b"f" * 32))
        entry = replace(scribe.draft(author, action), index=model.next_index, previous=model.head)
        signed = sign_entry(author, entry)
        if way == "impostor":
            signed = signed_by(IdentityKeyPair.from_seed(b"r" * 32), scribe, author, action)
        elif way == "tampered":
            read = decode_signed_entry(signed)
            changed = replace(entry, time=TIME + 1)
            signed = SignedEntry(changed, changed.encode(), read.signature).encode()
        extended = scribe.take(signed)
        is_honest = way in ("phone", "companion")
        if is_honest and judge(model, entry) is None:
            assert extended.finding is None
            model = apply(model, entry, entry_hash(signed))
        else:
            assert extended.finding is not None
            model = replace(model, next_index=model.next_index + 1, head=entry_hash(signed))
        assert extended.log.state == model
        assert not any(intruder in model.members for intruder in extended.log.intruders)
    assert replay(GROUP, scribe.entries, knows_all).log == scribe.read
