from collections.abc import Callable
from dataclasses import replace
from random import Random

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.content import encode
from protocol.e2e.content_kinds import Text
from protocol.e2e.errors import (
    BadCiphertextError,
    BadStateError,
    DuplicateMessageError,
    EndToEndError,
    ForkedLogError,
    MisuseError,
    NoSessionError,
    TooManySkippedError,
)
from protocol.e2e.sender_keys import (
    MAX_FORWARD_JUMPS,
    MAX_ITERATION,
    MAX_SKIPPED_KEYS,
    GroupContext,
    MemberKey,
    SenderKey,
    SharedKey,
)
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId

ANNA = DeviceAddress(UserId(1), DeviceId(1))
BEN = DeviceAddress(UserId(2), DeviceId(1))
HERE = GroupContext(GroupId(0x6702), 7, b"\xab" * 32)


def entropy(seed: int = 1) -> Callable[[int], bytes]:
    return Random(seed).randbytes


def pair(seed: int = 1) -> tuple[SenderKey, MemberKey]:
    own = SenderKey.generate(entropy(seed))
    return own, MemberKey.from_shared(own.share())


def sealed(own: SenderKey, count: int) -> list[bytes]:
    return [own.encrypt(b"%d" % number, ANNA, HERE) for number in range(count)]


def test_all_members_read_the_one_ciphertext() -> None:
    own = SenderKey.generate(entropy())
    members = [MemberKey.from_shared(own.share()) for _ in range(3)]
    ciphertext = own.encrypt(b"hello", ANNA, HERE)
    assert [member.decrypt(ciphertext, ANNA, HERE) for member in members] == [b"hello"] * 3


def test_the_same_entropy_gives_the_same_bytes() -> None:
    assert sealed(SenderKey.generate(entropy()), 2) == sealed(SenderKey.generate(entropy()), 2)
    assert sealed(SenderKey.generate(entropy()), 2) != sealed(SenderKey.generate(entropy(2)), 2)


def test_every_message_has_a_key_of_its_own() -> None:
    own, _ = pair()
    bodies = {own.encrypt(bytes(16), ANNA, HERE)[9:25] for _ in range(50)}
    assert len(bodies) == 50


def test_the_bytes_of_hello_in_a_group() -> None:
    own, _ = pair()
    content = encode(Text(b"8 bytes.", 20_000_000, "hello"))
    assert len(content) == 22
    assert len(own.encrypt(content, ANNA, HERE)) - len(content) == 73  # docs/security.md says so


# --- Loss, order, repetition ---


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_lost_reordered_and_repeated_messages(random: Random, count: int) -> None:
    own, member = pair()
    ciphertexts = sealed(own, count)
    arriving = [(n, c) for n, c in enumerate(ciphertexts) if random.random() < 0.8] * 2
    random.shuffle(arriving)
    seen: dict[int, bytes] = {}
    for n, ciphertext in arriving:
        if random.random() < 0.3:
            member = MemberKey.decode(member.encode())
        if n in seen:
            with pytest.raises(DuplicateMessageError):
                member.decrypt(ciphertext, ANNA, HERE)
        else:
            seen[n] = member.decrypt(ciphertext, ANNA, HERE)
    assert seen == {n: b"%d" % n for n, _ in arriving}


def test_a_replayed_message_is_refused_and_harms_nothing() -> None:
    own, member = pair()
    first, second = sealed(own, 2)
    member.decrypt(first, ANNA, HERE)
    with pytest.raises(DuplicateMessageError):
        member.decrypt(first, ANNA, HERE)
    assert member.decrypt(second, ANNA, HERE) == b"1"


def test_only_so_many_keys_are_kept() -> None:
    own, member = pair()
    ciphertexts = sealed(own, MAX_SKIPPED_KEYS + 3)
    member.decrypt(ciphertexts[-1], ANNA, HERE)
    assert member.waiting == MAX_SKIPPED_KEYS
    for gone in ciphertexts[:2]:
        with pytest.raises(DuplicateMessageError):
            member.decrypt(gone, ANNA, HERE)
    assert member.decrypt(ciphertexts[2], ANNA, HERE) == b"2"
    assert member.waiting == MAX_SKIPPED_KEYS - 1


def test_of_two_gaps_the_older_keys_go() -> None:
    own, member = pair()
    ciphertexts = sealed(own, MAX_SKIPPED_KEYS + 10)
    member.decrypt(ciphertexts[5], ANNA, HERE)
    member.decrypt(ciphertexts[-1], ANNA, HERE)
    assert member.waiting == MAX_SKIPPED_KEYS
    assert member.decrypt(ciphertexts[9], ANNA, HERE) == b"9"


def test_a_message_too_far_ahead_is_refused_and_harms_nothing() -> None:
    own, member = pair()
    first = own.encrypt(b"first", ANNA, HERE)
    own.n = MAX_FORWARD_JUMPS + 1
    far = own.encrypt(b"far", ANNA, HERE)
    before = member.encode()
    with pytest.raises(TooManySkippedError):
        member.decrypt(far, ANNA, HERE)
    assert member.encode() == before
    assert member.decrypt(first, ANNA, HERE) == b"first"


# --- What it is bound to ---


def test_a_message_is_of_its_group_sender_and_history() -> None:
    own, member = pair()
    ciphertext = own.encrypt(b"hello", ANNA, HERE)
    before = member.encode()
    wrong: list[tuple[DeviceAddress, GroupContext, type[EndToEndError]]] = [
        (BEN, HERE, BadCiphertextError),
        (DeviceAddress(ANNA.user, DeviceId(2)), HERE, BadCiphertextError),
        (ANNA, replace(HERE, group=GroupId(9)), BadCiphertextError),
        (ANNA, replace(HERE, epoch=8), BadCiphertextError),
        (ANNA, replace(HERE, head=b"\xab" * 31 + b"\0"), BadCiphertextError),
        (ANNA, replace(HERE, head=bytes(32)), ForkedLogError),
    ]
    for sender, context, error in wrong:
        with pytest.raises(error):
            member.decrypt(ciphertext, sender, context)
    assert member.encode() == before
    assert member.decrypt(ciphertext, ANNA, HERE) == b"hello"


def test_a_changed_byte_anywhere_is_found_and_harms_nothing() -> None:
    own, member = pair()
    ciphertext = own.encrypt(b"hello", ANNA, HERE)
    before = member.encode()
    for place in range(len(ciphertext)):
        for bit in (1, 0x80):
            changed = bytearray(ciphertext)
            changed[place] ^= bit
            with pytest.raises((BadCiphertextError, NoSessionError)):
                member.decrypt(bytes(changed), ANNA, HERE)
    assert member.encode() == before


def test_a_message_cut_short_or_with_more_behind_it_is_found() -> None:
    own, member = pair()
    ciphertext = own.encrypt(b"hello", ANNA, HERE)
    for length in range(len(ciphertext)):
        with pytest.raises((BadCiphertextError, NoSessionError)):
            member.decrypt(ciphertext[:length], ANNA, HERE)
    with pytest.raises(BadCiphertextError):
        member.decrypt(ciphertext + b"\0", ANNA, HERE)


@given(st.binary(max_size=150))
def test_of_any_bytes_only_the_named_errors_come_out(noise: bytes) -> None:
    _, member = pair()
    with pytest.raises((BadCiphertextError, NoSessionError)):
        member.decrypt(noise, ANNA, HERE)


def test_a_member_can_read_and_not_write() -> None:
    """Whoever has the shared key can seal, and sign with a key of their own: nobody takes it."""
    own, member = pair()
    forger = SenderKey.generate(entropy(2))
    forger._chain_key = own.share().chain_key
    forged = forger.encrypt(b"forged", ANNA, HERE)
    with pytest.raises(NoSessionError):
        member.decrypt(forged, ANNA, HERE)
    renamed = forged[:1] + member.key_id + forged[5:]
    with pytest.raises(BadCiphertextError):
        member.decrypt(renamed, ANNA, HERE)


# --- Who can read what ---


def test_a_newcomer_reads_from_joining_on() -> None:
    own, _ = pair()
    earlier = own.encrypt(b"earlier", ANNA, HERE)
    newcomer = MemberKey.from_shared(own.share())
    assert newcomer.decrypt(own.encrypt(b"later", ANNA, HERE), ANNA, HERE) == b"later"
    with pytest.raises(DuplicateMessageError):
        newcomer.decrypt(earlier, ANNA, HERE)


def test_a_removed_member_cannot_read_on_after_the_key_has_changed() -> None:
    own, removed = pair()
    removed.decrypt(own.encrypt(b"before", ANNA, HERE), ANNA, HERE)
    new = SenderKey.generate(entropy(2))
    after = new.encrypt(b"after", ANNA, HERE)
    with pytest.raises(NoSessionError):
        removed.decrypt(after, ANNA, HERE)
    staying = MemberKey.from_shared(new.share())
    assert staying.decrypt(new.encrypt(b"on", ANNA, HERE), ANNA, HERE) == b"on"


# --- Stored forms ---


def test_keys_come_out_of_the_store_as_they_went_in() -> None:
    own, member = pair()
    ciphertexts = sealed(own, 5)
    member.decrypt(ciphertexts[3], ANNA, HERE)
    assert SenderKey.decode(own.encode()) == own
    again = MemberKey.decode(member.encode())
    assert (again, again.waiting) == (member, 3)
    assert again.decrypt(SenderKey.decode(own.encode()).encrypt(b"on", ANNA, HERE), ANNA, HERE) == b"on"
    assert again.decrypt(ciphertexts[1], ANNA, HERE) == b"1"


def test_stored_keys_of_version_1_can_be_read() -> None:
    own = SenderKey.decode(cbor2.dumps([1, b"c" * 32, 4, b"s" * 32]))
    shared = own.share()
    assert (shared.chain_key, shared.n) == (b"c" * 32, 4)
    member = MemberKey.decode(cbor2.dumps([1, b"c" * 32, 4, shared.signing_key, [2, b"m" * 32]]))
    assert member.waiting == 1
    assert member.decrypt(own.encrypt(b"hello", ANNA, HERE), ANNA, HERE) == b"hello"


@pytest.mark.parametrize("key", [SenderKey, MemberKey])
def test_stored_keys_that_are_damaged_are_refused(key: type[SenderKey | MemberKey]) -> None:
    own, member = pair()
    member.decrypt(sealed(own, 2)[1], ANNA, HERE)
    stored = (own if key is SenderKey else member).encode()
    fields = cbor2.loads(stored)
    wrong = [stored[:length] for length in range(len(stored))]
    changes = [(0, 2), (1, b""), (2, -1), (2, True), (3, bytes(31))]
    wrong += [cbor2.dumps([*fields[:at], value, *fields[at + 1 :]]) for at, value in changes]
    wrong += [cbor2.dumps([*fields, 0]), cbor2.dumps({}), cbor2.dumps(7)]
    if key is MemberKey:
        unreadable: list[object] = [[1], [1, b""], [b"", 1], {}, None]
        wrong += [cbor2.dumps([*fields[:4], skipped]) for skipped in unreadable]
    for each in wrong:
        with pytest.raises(BadStateError):
            key.decode(each)


@pytest.mark.parametrize(
    "shared",
    [
        SharedKey(bytes(31), 0, bytes(32)),
        SharedKey(bytes(32), -1, bytes(32)),
        SharedKey(bytes(32), 0, bytes(33)),
    ],
)
def test_what_is_no_key_cannot_be_taken(shared: SharedKey) -> None:
    with pytest.raises(MisuseError):
        MemberKey.from_shared(shared)


def test_a_chain_has_an_end() -> None:
    own, member = pair()
    own.n = member.n = MAX_ITERATION
    assert member.decrypt(own.encrypt(b"last", ANNA, HERE), ANNA, HERE) == b"last"
    with pytest.raises(MisuseError):
        own.encrypt(b"too much", ANNA, HERE)


def test_no_key_shows() -> None:
    own, member = pair()
    member.decrypt(sealed(own, 3)[2], ANNA, HERE)
    shared = own.share()
    for shown in (repr(own), repr(member), repr(shared), str(shared)):
        for secret in (shared.chain_key, own._signing.seed, member._chain_key, *member._skipped.values()):
            assert repr(secret)[2:-1] not in shown
            assert secret.hex() not in shown
