"""Keeps the device list at the relay in step with the devices that there are: the primary's duty.

Owns: nothing; the list is in the store, and at the relay.
Talks to: the connection, the store.
Restarts as: permanent. Whatever was under way is looked at anew with the next connection.

Rule 1: a list is kept here only when the relay has it. One whose answer was lost is found there, signed by
    ourselves, and taken for what it is.
Rule 2: a device that is listed and not there has removed itself, and is not listed again.
"""

import logging
from dataclasses import dataclass

from actors import Actor, ActorSystem
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.devices import OwnDevices
from client.errors import RelayRefusedError, RequestTimeoutError
from client.requests import BuildRequest, RelayAnswer
from client.store import Store
from protocol.codes import ErrorCode, code_name, refusal_sentence
from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e import UntrustedDevicesError, verify_device_list
from protocol.ids import DeviceId
from protocol.stanzas import Bundles, Failed, FetchBundles, PublishDevices
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

NAME = "devices-sync"
CHECK_SECONDS = 6 * 3600.0  # a phone that stays online for weeks has its list signed anew all the same


@dataclass(frozen=True, slots=True)
class _Check:
    """Is the list what it should be?"""


class DevicesSyncHandle:
    """What others may tell it."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def check(self) -> None:
        """A connection is there. Dropped if nobody hears it."""
        self._ref.tell_nowait(_Check())


def child_spec(store: Store) -> ChildSpec:
    """As a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: DevicesSync(store))


class DevicesSync(Actor):
    """An actor of its own because it waits for answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_start(self) -> None:
        """Take the name, and look at the age of the list from time to time."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        self.send_every(CHECK_SECONDS, _Check())

    async def handle(self, message: object) -> None:
        """Look, and sign what is due; what cannot be done now is looked at with the next connection."""
        if not isinstance(message, _Check):
            self.unexpected(message)
            return
        try:
            await settle_devices(self._store.devices, self._connection)
        except RequestTimeoutError:
            pass
        except RelayRefusedError as refusal:
            log.info("device_list_not_settled", extra={"code": refusal.name})


async def settle_devices(devices: OwnDevices, connection: ConnectionHandle) -> None:
    """Have the relay hand out a list of this account that is true and not old. Nothing, on a companion.

    Raises:
        RequestTimeoutError: there is no connection, or no answer.
        RelayRefusedError: the relay said no.
    """
    if not devices.is_primary():
        return
    await publish(devices, connection)


async def publish(
    devices: OwnDevices, connection: ConnectionHandle, *, without: DeviceId | None = None
) -> None:
    """The same, with one device left out on purpose: it is removed. Raises as ``settle_devices``."""
    user, own = devices.address
    answer = await ask(connection, lambda request: FetchBundles(request, user, ()))
    assert isinstance(answer, Bundles)
    known = _adopt_newer(devices, answer.device_list)
    present = answer.present or (own,)
    kept = [
        each
        for each in (known.devices[1:] if known is not None else ())
        if each.device in present and each.device != without
    ]
    listed_now = answer.device_list == devices.signed_list() and known is not None
    is_true = listed_now and len(kept) + 1 == len(known.devices if known is not None else ())
    is_fresh = not devices.is_aged() and not devices.has_unused()
    if is_true and len(present) == len(kept) + 1 and is_fresh:
        return
    signed = devices.sign(kept)
    await ask(connection, lambda request: PublishDevices(request, *signed))
    devices.keep(signed)
    log.info("device_list_published", extra={"devices": len(kept) + 1})


async def remove_device(devices: OwnDevices, connection: ConnectionHandle, device: DeviceId) -> None:
    """Lock a companion out, as the primary. Raises as ``settle_devices``; ``not-primary`` on a companion."""
    if not devices.is_primary():
        code = ErrorCode.NOT_PRIMARY
        raise RelayRefusedError(code.wire_name, code.sentence)
    await publish(devices, connection, without=device)


def _adopt_newer(devices: OwnDevices, signed: SignedDeviceList | None) -> DeviceList | None:
    """The newest list: ours, or one that we have signed and whose answer we have not heard."""
    known = devices.listed()
    if signed is None:
        return known
    try:
        listed = verify_device_list(signed, devices.address.user)
    except UntrustedDevicesError:
        return known
    is_ours = listed.primary == ListedDevice(devices.address.device, devices.identity_key)
    if is_ours and (known is None or listed.number > known.number):
        devices.keep(signed)
        return listed
    return known


async def ask(connection: ConnectionHandle, build: BuildRequest) -> RelayAnswer:
    """Put a question; a refusal is raised.

    Raises:
        RequestTimeoutError: there is no connection, or no answer.
        RelayRefusedError: the relay said no.
    """
    answer = await connection.request(build)
    if isinstance(answer, Failed):
        sentence = refusal_sentence(answer.code, answer.detail)
        raise RelayRefusedError(code_name(answer.code), sentence, answer.detail)
    return answer
