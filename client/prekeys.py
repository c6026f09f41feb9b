"""Keeps the relay supplied with this device's prekeys, so that others can write first while it is away.

Owns: nothing; which keys exist is in the store.
Talks to: the connection, the store.
Restarts as: permanent. An upload whose answer was lost is repeated with the same keys.
"""

import logging
from dataclasses import dataclass

from actors import Actor, ActorSystem
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.records import PrekeyUpload
from client.requests import Answer
from client.store import Store
from client.wire_keys import kem_prekey_to_wire, prekeys_to_wire, signed_prekey_to_wire
from protocol.stanzas import Done, UploadPrekeys
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

NAME = "prekeys"
CHECK_SECONDS = 3600.0  # a phone that stays online for days notices within the hour that keys were used up


@dataclass(frozen=True, slots=True)
class _Check:
    """Ask the relay how many are left."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """The relay's answer to an empty upload."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class _Uploaded:
    """The relay's answer to a real one."""

    upload: PrekeyUpload
    answer: Answer


class PrekeysHandle:
    """What others may tell the keeper of the prekeys."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def check(self) -> None:
        """A connection is there: see whether the relay has enough. Dropped if the keeper is dead."""
        self._ref.tell_nowait(_Check())


def child_spec(store: Store) -> ChildSpec:
    """The keeper of the prekeys as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Prekeys(store))


class Prekeys(Actor):
    """An actor of its own because it waits for answers, and because nothing else needs to fail with it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_start(self) -> None:
        """Take the name, and look at the supply from time to time."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        self.send_every(CHECK_SECONDS, _Check())

    def handle(self, message: object) -> None:
        """Count, upload what is missing, note what arrived."""
        match message:
            case _Check():
                # An upload of nothing is how one asks for the number that is left.
                self._connection.ask_relay(
                    lambda request: UploadPrekeys(request, None, ()),
                    lambda answer: self.ref.tell_nowait(_Counted(answer)),
                )
            case _Counted(Done(one_time_prekeys_left=left, kem_prekeys_left=kem_left)):
                self._top_up(left, kem_left)
            case _Uploaded(upload, Done(one_time_prekeys_left=left, kem_prekeys_left=kem_left)):
                self._store.prekeys_uploaded(upload)
                log.info("prekeys_uploaded", extra={"left": left, "kem_left": kem_left})
            case _Counted() | _Uploaded():
                pass  # no answer, or a refusal: the next connection or the next hour tries again
            case _:
                self.unexpected(message)

    def _top_up(self, left: int, kem_left: int | None) -> None:
        upload = self._store.prekeys_to_upload(left, kem_left)
        if upload is None:
            return
        self._connection.ask_relay(
            lambda request: _stanza(request, upload),
            lambda answer: self.ref.tell_nowait(_Uploaded(upload, answer)),
        )


def _stanza(request: int, upload: PrekeyUpload) -> UploadPrekeys:
    return UploadPrekeys(
        request,
        None if upload.signed is None else signed_prekey_to_wire(upload.signed),
        prekeys_to_wire(upload.prekeys),
        None if upload.last_resort is None else kem_prekey_to_wire(upload.last_resort),
        tuple(kem_prekey_to_wire(prekey) for prekey in upload.kem_prekeys) or None,
    )
