"""Vectors of linking: a companion and its primary, by text and by code, with all that the relay carries."""

from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e import IdentityKeyPair, sign_device_list
from protocol.e2e.linking import Companion, CompanionLinking, Grant, GrantedProfile, KnownPeer, PrimaryLinking
from protocol.ids import DeviceId, UserId
from tests.vectors.draws import Draws, Json, Replay

ABOUT = (
    "A companion is linked by its primary. `drawn` lists each side's random bytes in the order in which "
    "they were needed; with a code, SPAKE2's scalar is made of the last ones (as the package spake2 does). "
    "`claim` goes to the companion, `answer` to the primary, `sealed` to the companion."
)

ALICE, BOB = UserId(0x0123456789ABCDEF), UserId(0x1122334455667788)
RELAY = "relay.example:5252"
LINK, NAMEPLATE = bytes(range(16)), "7K2"


def build() -> Json:
    """The file."""
    return {"about": ABOUT, "vectors": [_case(0, "by text"), _case(1, "by code")]}


def _case(number: int, way: str) -> Json:
    draws = Draws(950 + number)
    primary, companion = IdentityKeyPair.generate(draws), IdentityKeyPair.generate(draws)
    static_key, relay_key, profile_key, peer_key = (draws(32) for _ in range(4))
    devices = (ListedDevice(DeviceId(1), primary.public), ListedDevice(DeviceId(2), companion.public))
    signed = sign_device_list(primary, DeviceList(ALICE, 2, 1_790_000_000, devices))
    given: Json = {
        "way": way,
        "link": LINK.hex(),
        "nameplate": NAMEPLATE,
        "relay": RELAY,
        "relay_key": relay_key.hex(),
        "companion_identity": companion.public.hex(),
        "companion_static": static_key.hex(),
        "companion_name": "Laptop",
        "user": f"{ALICE:016x}",
        "device": 2,
        "phone": "+4915112345678",
        "device_list": [signed.encoded.hex(), signed.signature.hex()],
        "profile": [profile_key.hex(), 3, 0x4000_0000_0000_0001, "Alice", "Hey there!"],
        "peers": [
            [f"{BOB:016x}", "+4915112345679", 1, peer_key.hex(), 4],
            [f"{BOB + 1:016x}", None, 0, None, 0],
        ],
    }
    sides = (Draws(960 + number), Draws(970 + number))
    gives = _link(given, *sides)
    drawn = {"companion": sides[0].noted(), "primary": sides[1].noted()}
    return {**given, "drawn": drawn, "gives": gives}


def _link(given: Json, companion_draws: Draws | Replay, primary_draws: Draws | Replay) -> Json:
    """Link, and note what each side says."""
    identity, static = bytes.fromhex(given["companion_identity"]), bytes.fromhex(given["companion_static"])
    link, companion = bytes.fromhex(given["link"]), Companion(identity, static, given["companion_name"])
    newcomer = CompanionLinking(companion, given["relay"], companion_draws)
    newcomer.invite(link, given["nameplate"])
    owner = PrimaryLinking(newcomer.text if given["way"] == "by text" else newcomer.code, primary_draws)
    answer = newcomer.answer(owner.claim)
    assert owner.open_answer(link, answer) == companion
    grant = _grant(given)
    sealed = owner.seal_grant(grant)
    assert newcomer.open_grant(sealed, grant.relay_key) == grant
    return {
        "text": newcomer.text,
        "code": newcomer.code,
        "claim": owner.claim.hex(),
        "answer": answer.hex(),
        "sealed": sealed.hex(),
    }


def _grant(given: Json) -> Grant:
    encoded, signature = map(bytes.fromhex, given["device_list"])
    return Grant(
        UserId(int(given["user"], 16)),
        DeviceId(given["device"]),
        given["phone"],
        bytes.fromhex(given["relay_key"]),
        SignedDeviceList(encoded, signature),
        GrantedProfile(bytes.fromhex(given["profile"][0]), *given["profile"][1:]),
        tuple(
            KnownPeer(
                UserId(int(user, 16)), phone, DeviceId(device), bytes.fromhex(key) if key else None, number
            )
            for user, phone, device, key, number in given["peers"]
        ),
    )


def check(file: Json) -> None:
    """Both sides come to the same messages, and open them, with nothing but what the file says."""
    for vector in file["vectors"]:
        drawn = vector["drawn"]
        gives = _link(vector, Replay(drawn["companion"]), Replay(drawn["primary"]))
        assert gives == vector["gives"], vector["way"]
