"""Vectors of sessions: whole conversations, with what each side drew, each plaintext and each ciphertext."""

from collections.abc import Callable

from protocol.device_list import DeviceList, ListedDevice
from protocol.e2e import Bundle, Entropy, IdentityKeyPair, KemPrekey, Prekey, SessionRecord, sign_device_list
from protocol.e2e.agreement import PrivatePrekeys
from protocol.e2e.message import PrekeyMessage
from protocol.ids import DeviceAddress, DeviceId, UserId
from tests.helpers.deterministic_kem import encapsulate_with
from tests.vectors.draws import Draws, Json, Replay

ABOUT = (
    "Conversations of `alice`, who begins, and `bob`. All of a side's random bytes are listed under "
    "`drawn` in the order in which they were needed: at Alice's the ephemeral key first, then "
    "ratchet keys; at Bob's ratchet keys. Messages are in the order in which they were sealed; "
    "`opened` lists them in the order in which the other side opens them. Keys are as in "
    "agreement.json; the ids of the prekeys are 1 (signed), 7 (one-time) and 3 (KEM)."
)

ALICE = DeviceAddress(UserId(0x0123456789ABCDEF), DeviceId(1))
BOB = DeviceAddress(UserId(0x1122334455667788), DeviceId(2))

# (sender, text), in the order in which they are sealed, and in which order they are opened.
TALK = [
    ("alice", "hello"),
    ("alice", "are you there?"),
    ("bob", "yes"),
    ("alice", "one"),
    ("alice", "two"),
    ("alice", "three"),
    ("bob", "late"),
    ("alice", ""),
]
OPENED = [0, 1, 2, 5, 3, 6, 4, 7]

Seal = Callable[[str, int], bytes]


def build() -> Json:
    """The file."""
    cases = [
        ("X3DH", False, False),
        ("PQXDH", True, False),
        ("PQXDH by a companion, with its proof", True, True),
    ]
    return {"about": ABOUT, "vectors": [_case(number, *case) for number, case in enumerate(cases)]}


class Talk:
    """Two records, from the private keys that a vector names."""

    def __init__(self, given: Json, entropies: dict[str, Entropy], kem_entropy: Entropy) -> None:
        self.alice = IdentityKeyPair.from_seed(bytes.fromhex(given["alice_seed"]))
        self.bob = IdentityKeyPair.from_seed(bytes.fromhex(given["bob_seed"]))
        self.signed_prekey = Prekey.from_private(1, bytes.fromhex(given["signed_prekey"]))
        self.prekey = Prekey.from_private(7, bytes.fromhex(given["prekey"]))
        self.kem = KemPrekey.from_seed(3, bytes.fromhex(given["kem_seed"])) if given["kem_seed"] else None
        self.proof = bytes.fromhex(given["device_proof"]) if given["device_proof"] else None
        self.records = {
            "alice": SessionRecord(ALICE, BOB, entropies["alice"]),
            "bob": SessionRecord(BOB, ALICE, entropies["bob"]),
        }
        self._encapsulate = encapsulate_with(kem_entropy)

    def begin(self) -> None:
        """Alice begins a session."""
        bundle = Bundle(
            self.bob.public,
            self.signed_prekey.signed_by(self.bob, post_quantum=self.kem is not None),
            self.prekey.published(),
            self.kem.signed_by(self.bob) if self.kem else None,
        )
        self.records["alice"].initiate(self.alice, bundle, self._encapsulate)

    def seal(self, sender: str, text: str) -> bytes:
        """The sender's next ciphertext."""
        return self.records[sender].encrypt(text.encode(), self.proof if sender == "alice" else None)

    def open(self, reader: str, ciphertext: bytes) -> tuple[str, PrekeyMessage | None]:
        """What the other side reads."""
        identity, other = (self.alice, self.bob) if reader == "alice" else (self.bob, self.alice)
        plain, first = self.records[reader].decrypt(ciphertext, identity, other.public, self._find)
        return plain.decode(), first

    def _find(self, _signed: int, one_time: int | None, kem: int | None) -> PrivatePrekeys:
        return PrivatePrekeys(
            self.signed_prekey,
            self.prekey if one_time else None,
            self.kem if kem else None,
            self.kem is not None,
        )


def _case(number: int, name: str, has_kem: bool, has_proof: bool) -> Json:
    draws, kem_draws = Draws(200 + number), Draws(300 + number)
    sides = {"alice": Draws(400 + number), "bob": Draws(500 + number)}
    given: Json = {
        "name": name,
        "alice": str(ALICE),
        "bob": str(BOB),
        "alice_seed": draws(32).hex(),
        "bob_seed": draws(32).hex(),
        "signed_prekey": draws(32).hex(),
        "prekey": draws(32).hex(),
        "kem_seed": draws(64).hex() if has_kem else None,
        "device_proof": None,
    }
    if has_proof:
        given["device_proof"] = _proof(given, IdentityKeyPair.from_seed(draws(32))).hex()
    talk = Talk(given, dict(sides), kem_draws)
    ciphertexts = _converse(talk)
    messages = [
        {"from": sender, "text": text, "ciphertext": ciphertext.hex()}
        for (sender, text), ciphertext in zip(TALK, ciphertexts, strict=True)
    ]
    drawn = {side: entropy.noted() for side, entropy in sides.items()}
    return {**given, "kem_random": kem_draws.noted(), "drawn": drawn, "messages": messages, "opened": OPENED}


def _proof(given: Json, primary: IdentityKeyPair) -> bytes:
    """The list of Alice's account, of which the device that writes is the second."""
    alice = IdentityKeyPair.from_seed(bytes.fromhex(given["alice_seed"]))
    devices = (ListedDevice(DeviceId(2), primary.public), ListedDevice(ALICE.device, alice.public))
    signed = sign_device_list(primary, DeviceList(ALICE.user, 3, 1_790_000_000, devices))
    return signed.signature + signed.encoded


def _converse(talk: Talk) -> list[bytes]:
    """Seal and open everything in the order of the file."""
    talk.begin()
    ciphertexts: list[bytes] = []
    sealing, opening = iter(TALK), iter(OPENED)
    opened: list[int] = []
    while len(opened) < len(TALK):
        # Who answers has opened before: these are the places where the talk goes to and fro.
        for sender, text in sealing:
            ciphertexts.append(talk.seal(sender, text))
            if len(ciphertexts) in (2, 3, 6, 7, 8):
                break
        for at in opening:
            reader = "bob" if TALK[at][0] == "alice" else "alice"
            assert talk.open(reader, ciphertexts[at])[0] == TALK[at][1]
            opened.append(at)
            if len(opened) in (2, 3, 5, 6):
                break
    return ciphertexts


def check(file: Json) -> None:
    """Both sides come to the same ciphertexts, and open them, with nothing but what the file says."""
    for vector in file["vectors"]:
        entropies: dict[str, Entropy] = {side: Replay(drawn) for side, drawn in vector["drawn"].items()}
        talk = Talk(vector, entropies, Replay(vector["kem_random"]))
        assert [each.hex() for each in _converse(talk)] == [each["ciphertext"] for each in vector["messages"]]
