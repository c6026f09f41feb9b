"""Vectors of groups: a log with its flaws, sender keys, sealed names, invitations."""

from protocol.device_list import DeviceList, ListedDevice
from protocol.e2e import IdentityKeyPair, sign_device_list
from protocol.e2e.group_info import GroupInfo, open_info, seal_info
from protocol.e2e.group_link import GroupLink, parse_group_link, read_plea, write_plea
from protocol.e2e.membership import (
    ENTRY_CONTEXT,
    Author,
    GroupLog,
    draft,
    extend,
    prove_invite,
    sign_entry,
)
from protocol.e2e.sender_keys import GroupContext, MemberKey, SenderKey, SharedKey
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
    NewMember,
    Promote,
    Rekey,
    Remove,
    Revoke,
    Settings,
    SignedEntry,
)
from tests.vectors.draws import Draws, Json, Replay

LOGS = (
    "The log of one group, entry by entry. `seeds` are those of the Ed25519 identity keys of "
    "devices, `invite_seed` that of an invitation. An entry whose `flaw` is null counts; behind each "
    "entry stands what the group is then, members as [user, key, 1 for an admin, index by which they "
    "came], the oldest first. A reader of this log knows the keys in `known_keys` as those of new "
    "phones."
)

KEYS = (
    "Messages of one sender key, in the order in which they were sealed. The key was made from the "
    "two draws under `drawn`: the chain key, and the seed of the signing key. `shared` is what "
    "members are given before the message `n`. `head` is the hash of the log's entry `epoch`."
)

INFOS = "Names, descriptions and pictures of groups as the log holds them: AES-256-GCM under `key`."

LINKS = "Invitations as texts, and requests to join as `RequestJoin` carries them."

GROUP = GroupId(0x4702_0000_0000_0001)
ALICE, BOB, CARA, EVE = (UserId(0x0123_4567_89AB_CDE0 + number) for number in range(1, 5))
TIME = 1_790_000_000
_DRAWS = Draws(900)
INVITE = IdentityKeyPair.generate(_DRAWS)
RELAY = IdentityKeyPair.generate(_DRAWS)  # of nobody: what a lying relay signs with
KEYS_OF = {
    f"{user:016x}.{device}": IdentityKeyPair.generate(_DRAWS)
    for user in (ALICE, BOB, CARA, EVE)
    for device in (1, 2)
}


def _author(user: UserId, device: int = 1, lists: int | None = None) -> Author:
    """A device; with a number of a device list, a companion."""
    identity = KEYS_OF[f"{user:016x}.{device}"]
    address = DeviceAddress(user, DeviceId(device))
    if lists is None:
        return Author(address, identity, None)
    primary = KEYS_OF[f"{user:016x}.1"]
    devices = (ListedDevice(DeviceId(1), primary.public), ListedDevice(address.device, identity.public))
    return Author(address, identity, sign_device_list(primary, DeviceList(user, lists, TIME, devices)))


def _member(user: UserId) -> NewMember:
    return NewMember(user, KEYS_OF[f"{user:016x}.1"].public)


def _join(user: UserId, invite: IdentityKeyPair) -> Join:
    key = _member(user).key
    return Join(INVITE.public, prove_invite(invite, GROUP, user, key), key)


def _steps() -> list[tuple[str, Author, Action, IdentityKeyPair | None]]:
    """What happens, by whom, and who signs it if that is somebody else."""
    new_bob = KEYS_OF[f"{BOB:016x}.2"].public
    everybody = tuple(map(_member, (ALICE, BOB, CARA)))
    return [
        ("a group is made", _author(ALICE), Create(everybody, Settings(0), b"sealed"), None),
        ("a member becomes admin", _author(ALICE), Promote((BOB,)), None),
        ("a companion speaks for its account", _author(ALICE, 2, lists=4), ChangeSettings(Settings(3)), None),
        ("the relay adds somebody", _author(ALICE), Add((_member(EVE),)), RELAY),
        ("a member does what admins may", _author(CARA), Describe(b"mine"), None),
        ("an admin describes", _author(BOB), Describe(b"ours"), None),
        ("an admin invites", _author(BOB), Invite(INVITE.public), None),
        ("somebody joins without the invitation", _author(EVE), _join(EVE, RELAY), None),
        ("somebody joins", _author(EVE), _join(EVE, INVITE), None),
        (
            "a companion with a list that was replaced",
            _author(ALICE, 2, lists=3),
            Revoke(INVITE.public),
            None,
        ),
        ("an admin revokes", _author(ALICE), Revoke(INVITE.public), None),
        ("a member is removed", _author(ALICE), Remove((EVE,)), None),
        ("a member has a new phone", _author(BOB, 2), Rekey(new_bob), None),
        ("a new phone that nobody knows", _author(CARA, 2), Rekey(KEYS_OF[f"{CARA:016x}.2"].public), None),
        ("an admin becomes a member", _author(BOB, 2), Demote((ALICE,)), None),
        ("the last admin leaves", _author(BOB, 2), Leave(), None),
        ("who was added again is the youngest", _author(ALICE), Add((_member(EVE), _member(BOB))), None),
    ]


def _is_known(known: dict[str, str]) -> dict[tuple[int, bytes], bool]:
    return {(int(user, 16), bytes.fromhex(key)): True for user, key in known.items()}


def build_logs() -> Json:
    """group-log.json."""
    known = {f"{BOB:016x}": KEYS_OF[f"{BOB:016x}.2"].public.hex()}
    keys = _is_known(known)
    log: GroupLog | None = None
    entries: list[Json] = []
    for name, author, action, forger in _steps():
        entry = draft(log.state if log else None, GROUP, author, TIME + len(entries), action)
        signed = sign_entry(author, entry)
        if forger is not None:
            encoded = entry.encode()
            signed = SignedEntry(entry, encoded, forger.sign(ENTRY_CONTEXT + encoded)).encode()
        extended = extend(log, GROUP, signed, lambda user, key: (user, key) in keys)
        log = extended.log
        flaw = extended.finding.flaw.value if extended.finding else None
        action_name = type(action).__name__
        entries.append(
            {"name": name, "action": action_name, "signed": signed.hex(), "flaw": flaw, "then": _state(log)}
        )
    return {
        "about": LOGS,
        "group": f"{GROUP:016x}",
        "seeds": {address: identity.seed.hex() for address, identity in KEYS_OF.items()},
        "invite_seed": INVITE.seed.hex(),
        "known_keys": known,
        "entries": entries,
    }


def _state(log: GroupLog) -> Json:
    state = log.state
    return {
        "next_index": state.next_index,
        "head": state.head.hex(),
        "members": [
            [f"{user:016x}", member.key.hex(), int(member.role), member.joined]
            for user, member in state.members.items()
        ],
        "settings": int(state.settings),
        "invites": [key.hex() for key in state.invites],
        "barred": [f"{user:016x}" for user in state.barred],
        "described_at": state.described_at,
        "departed_at": state.departed_at,
        "intruders": [f"{user:016x}" for user in log.intruders],
    }


def check_logs(file: Json) -> None:
    """Read with the file's keys alone, each entry comes to what the file says."""
    group, keys = GroupId(int(file["group"], 16)), _is_known(file["known_keys"])
    log: GroupLog | None = None
    for entry in file["entries"]:
        signed = bytes.fromhex(entry["signed"])
        extended = extend(log, group, signed, lambda user, key: (user, key) in keys)
        log = extended.log
        assert (extended.finding.flaw.value if extended.finding else None) == entry["flaw"], entry["name"]
        assert type(extended.entry.action).__name__ == entry["action"]
        assert _state(log) == entry["then"], entry["name"]


def build_keys() -> Json:
    """sender-key.json."""
    draws, sender = Draws(910), DeviceAddress(ALICE, DeviceId(2))
    key = SenderKey.generate(draws)
    first = key.share()
    messages = []
    for number in range(130):
        context = GroupContext(GROUP, 7 if number < 128 else 300, bytes([number]) * 32)
        text = f"message {number}"
        sealed = key.encrypt(text.encode(), sender, context)
        if number in (0, 1, 127, 128, 129):
            messages.append(
                {
                    "n": number,
                    "epoch": context.epoch,
                    "head": context.head.hex(),
                    "text": text,
                    "ciphertext": sealed.hex(),
                }
            )
    return {
        "about": KEYS,
        "group": f"{GROUP:016x}",
        "sender": str(sender),
        "drawn": draws.noted(),
        "shared": {"chain_key": first.chain_key.hex(), "n": first.n, "signing_key": first.signing_key.hex()},
        "messages": messages,
    }


def check_keys(file: Json) -> None:
    """A member who is given what the file says reads it, last first; and it is sealed to the same again."""
    group, sender = GroupId(int(file["group"], 16)), DeviceAddress(ALICE, DeviceId(2))
    assert str(sender) == file["sender"]
    own, shared = SenderKey.generate(Replay(file["drawn"])), file["shared"]
    given = SharedKey(bytes.fromhex(shared["chain_key"]), shared["n"], bytes.fromhex(shared["signing_key"]))
    assert own.share() == given
    member = MemberKey.from_shared(given)
    for message in reversed(file["messages"]):
        context = GroupContext(group, message["epoch"], bytes.fromhex(message["head"]))
        sealed = bytes.fromhex(message["ciphertext"])
        assert member.decrypt(sealed, sender, context).decode() == message["text"]
    for message in file["messages"]:
        while own.n < message["n"]:
            own.encrypt(b"", sender, GroupContext(group, 0, bytes(32)))
        context = GroupContext(group, message["epoch"], bytes.fromhex(message["head"]))
        assert own.encrypt(message["text"].encode(), sender, context).hex() == message["ciphertext"]


def build_infos() -> Json:
    """group-info.json."""
    infos = [
        ("a name", GroupInfo("Family")),
        ("with a description", GroupInfo("Hütte ⛰", "Two\nlines")),
        ("with a picture", GroupInfo("x", "", b"\xff\xd8\xff" + bytes(range(256)))),
    ]
    vectors = []
    for number, (name, info) in enumerate(infos):
        draws = Draws(920 + number)
        key = draws(32)
        draws.noted()
        sealed = seal_info(key, GROUP, info, draws)
        vectors.append(
            {
                "name": name,
                "key": key.hex(),
                "group": f"{GROUP:016x}",
                "group_name": info.name,
                "description": info.description,
                "picture": info.picture.hex() if info.picture else None,
                "nonces": draws.noted(),
                "sealed": sealed.hex(),
            }
        )
    return {"about": INFOS, "vectors": vectors}


def check_infos(file: Json) -> None:
    """They open with their keys, and seal to the same."""
    for vector in file["vectors"]:
        key, group = bytes.fromhex(vector["key"]), GroupId(int(vector["group"], 16))
        picture = bytes.fromhex(vector["picture"]) if vector["picture"] else None
        info = GroupInfo(vector["group_name"], vector["description"], picture)
        assert open_info(key, group, bytes.fromhex(vector["sealed"])) == info
        assert seal_info(key, group, info, Replay(vector["nonces"])).hex() == vector["sealed"]


def build_links() -> Json:
    """group-link.json."""
    draws = Draws(930)
    link = GroupLink("relay.example:5252", GROUP, IdentityKeyPair.generate(draws), draws(32))
    key = _member(EVE).key
    return {
        "about": LINKS,
        "relay": link.relay,
        "group": f"{GROUP:016x}",
        "invite_seed": link.invite.seed.hex(),
        "invite_public": link.invite.public.hex(),
        "info_key": link.info_key.hex(),
        "text": link.text(),
        "joiner": f"{EVE:016x}",
        "joiner_key": key.hex(),
        "proof": prove_invite(link.invite, GROUP, EVE, key).hex(),
        "request": write_plea(link.invite, GROUP, EVE, key).hex(),
    }


def check_links(file: Json) -> None:
    """The text is an invitation, and the request shows that its author has it."""
    link = parse_group_link(file["text"])
    group, user, key = (
        GroupId(int(file["group"], 16)),
        UserId(int(file["joiner"], 16)),
        bytes.fromhex(file["joiner_key"]),
    )
    assert (link.relay, link.group, link.info_key.hex()) == (file["relay"], group, file["info_key"])
    assert (link.invite.seed.hex(), link.invite.public.hex()) == (file["invite_seed"], file["invite_public"])
    assert prove_invite(link.invite, group, user, key).hex() == file["proof"]
    plea = read_plea(bytes.fromhex(file["request"]), group, user)
    assert (plea.invite.hex(), plea.key) == (file["invite_public"], key)
