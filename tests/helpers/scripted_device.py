"""A device as the scripted relay has it: its keys, and what waits for it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol import (
    DeviceAddress,
    DeviceBundle,
    Done,
    KemPrekey,
    MemberAddress,
    MessageNumber,
    Prekey,
    Seq,
    UploadPrekeys,
)

if TYPE_CHECKING:
    from tests.helpers.scripted_relay import Line


@dataclass
class Device:
    """A registered device, and what waits for it."""

    address: DeviceAddress
    phone: str
    bundle: DeviceBundle
    prekeys: list[Prekey]
    kem_prekeys: list[KemPrekey] = field(default_factory=list)
    queue: list[tuple[Seq, DeviceAddress | MemberAddress, MessageNumber, bytes]] = field(default_factory=list)
    last_seq: int = 0
    line: "Line | None" = None

    def upload(self, upload: UploadPrekeys, *, keeps_kem_prekeys: bool) -> Done:
        """Take in what the phone uploads, and answer how much there is."""
        self.prekeys += upload.prekeys
        self.kem_prekeys += upload.kem_prekeys or ()
        if upload.signed is not None:
            number, key, signature = upload.signed
            self.bundle = self.bundle._replace(
                signed_prekey_id=number, signed_prekey=key, signature=signature
            )
        if upload.last_resort is not None:
            self.bundle = self.bundle._replace(kem_prekey=upload.last_resort)
        left = len(self.kem_prekeys) if keeps_kem_prekeys else None
        return Done(upload.request, len(self.prekeys), left)

    def take_bundle(self) -> DeviceBundle:
        """What somebody else needs to begin a session; its one-time prekeys are used up by it."""
        return self.bundle._replace(
            one_time_prekey=self.prekeys.pop(0) if self.prekeys else None,
            kem_prekey=self.kem_prekeys.pop(0) if self.kem_prekeys else self.bundle.kem_prekey,
        )
