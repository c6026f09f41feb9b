"""Vectors of what belongs to a person: profile, safety number, device list."""

from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList, decode_device_list
from protocol.e2e import IdentityKeyPair, Profile, safety_number, sign_device_list, verify_device_list
from protocol.e2e.profile import open_details, open_picture, seal_profile
from protocol.ids import DeviceId, UserId
from tests.vectors.draws import Draws, Json, Replay

ALICE, BOB = UserId(0x0123456789ABCDEF), UserId(0x1122334455667788)

PROFILES = (
    "Profiles as their owner seals them: AES-256-GCM under `key`, a nonce for each piece from "
    "`nonces`. Piece 0 is name and about, the others are the picture (here bytes that only begin as "
    "a JPEG does)."
)

SAFETY_NUMBERS = (
    "Safety numbers of two people, each a user id (hex) and an Ed25519 identity key. The order does "
    "not matter."
)

DEVICE_LISTS = (
    "Device lists: `encoded` is canonical CBOR, `signature` Ed25519 by the primary's identity key, "
    'made from `primary_seed`, over "Roost 1 device list", a zero byte and `encoded`.'
)


def build_profiles() -> Json:
    """profile.json."""
    profiles = [
        ("name and about", Profile("Alice", "Hey there!")),
        ("nothing", Profile()),
        ("other letters", Profile("Łukasz 🦉", "żółw")),
        ("with a picture", Profile("Alice", "", b"\xff\xd8\xff" + bytes(range(256)))),
    ]
    return {"about": PROFILES, "vectors": [_profile(*case) for case in enumerate(profiles)]}


def _profile(number: int, named: tuple[str, Profile]) -> Json:
    name, profile = named
    draws = Draws(600 + number)
    key, version = draws(32), 0x4000_0000_0000_0001 + number
    draws.noted()
    pieces = seal_profile(key, ALICE, version, profile, draws)
    return {
        "name": name,
        "key": key.hex(),
        "owner": f"{ALICE:016x}",
        "version": version,
        "profile_name": profile.name,
        "profile_about": profile.about,
        "picture": profile.picture.hex() if profile.picture else None,
        "nonces": draws.noted(),
        "pieces": [piece.hex() for piece in pieces],
    }


def check_profiles(file: Json) -> None:
    """They open with their keys, and seal to the same."""
    for vector in file["vectors"]:
        key, owner, version = (
            bytes.fromhex(vector["key"]),
            UserId(int(vector["owner"], 16)),
            vector["version"],
        )
        pieces = [bytes.fromhex(piece) for piece in vector["pieces"]]
        picture = bytes.fromhex(vector["picture"]) if vector["picture"] else None
        details = open_details(key, owner, version, pieces[0])
        assert (details.name, details.about) == (vector["profile_name"], vector["profile_about"])
        if picture is not None:
            assert open_picture(key, owner, version, details, pieces[1:]) == picture
        profile = Profile(details.name, details.about, picture)
        assert seal_profile(key, owner, version, profile, Replay(vector["nonces"])) == pieces


def build_safety_numbers() -> Json:
    """safety-number.json."""
    vectors = []
    for number in range(3):
        draws = Draws(700 + number)
        own, theirs = (IdentityKeyPair.generate(draws).public for _ in range(2))
        vectors.append(
            {
                "users": [f"{ALICE:016x}", f"{BOB + number:016x}"],
                "identity_keys": [own.hex(), theirs.hex()],
                "safety_number": safety_number((ALICE, own), (UserId(BOB + number), theirs)),
            }
        )
    return {"about": SAFETY_NUMBERS, "vectors": vectors}


def check_safety_numbers(file: Json) -> None:
    """Both people see the same digits."""
    for vector in file["vectors"]:
        people = [
            (UserId(int(user, 16)), bytes.fromhex(key))
            for user, key in zip(vector["users"], vector["identity_keys"], strict=True)
        ]
        assert safety_number(*people) == safety_number(*reversed(people)) == vector["safety_number"]


def build_device_lists() -> Json:
    """device-list.json."""
    vectors = []
    for count in (1, 2, 5):
        draws = Draws(800 + count)
        keys = [IdentityKeyPair.generate(draws) for _ in range(count)]
        seed = draws.drawn[0]
        devices = tuple(ListedDevice(DeviceId(3 + at), key.public) for at, key in enumerate(keys))
        signed = sign_device_list(keys[0], DeviceList(ALICE, 40 + count, 1_790_000_000, devices))
        vectors.append(
            {
                "name": f"{count} device{'s' * (count > 1)}",
                "primary_seed": seed.hex(),
                "user": f"{ALICE:016x}",
                "number": 40 + count,
                "issued_at": 1_790_000_000,
                "devices": [[device, key.hex()] for device, key in devices],
                "encoded": signed.encoded.hex(),
                "signature": signed.signature.hex(),
            }
        )
    return {"about": DEVICE_LISTS, "vectors": vectors}


def check_device_lists(file: Json) -> None:
    """They verify, say what the file says, and are signed to the same bytes."""
    for vector in file["vectors"]:
        signed = SignedDeviceList(bytes.fromhex(vector["encoded"]), bytes.fromhex(vector["signature"]))
        user = UserId(int(vector["user"], 16))
        read = verify_device_list(signed, user)
        assert read == decode_device_list(signed.encoded)
        assert (read.number, read.issued_at) == (vector["number"], vector["issued_at"])
        assert [[device, key.hex()] for device, key in read.devices] == vector["devices"]
        primary = IdentityKeyPair.from_seed(bytes.fromhex(vector["primary_seed"]))
        assert sign_device_list(primary, read) == signed
