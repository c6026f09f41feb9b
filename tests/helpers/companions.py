"""Companions of people in a village: devices that the primary has signed, without the ceremony of linking."""

from functools import partial

from client.store import Store
from client.wire_keys import kem_prekey_to_wire, prekeys_to_wire, signed_prekey_to_wire
from protocol import KeyPair
from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList, decode_device_list
from protocol.e2e import sign_device_list
from protocol.ids import DeviceId
from relay import devices
from relay.devices import Newcomer
from relay.mailboxes import Mailboxes
from storage import InlineJournal, accounts
from storage.accounts import DeviceRecord
from storage.tables import Family, of_family
from tests.helpers.village import Village


async def link(village: Village, name: str, primary: str) -> DeviceId:
    """Make a home a companion of somebody who has a phone: at the relay, and in both stores."""
    with _store(village, primary) as phone, _store(village, name) as companion:
        account = phone.account()
        assert account is not None
        keys = companion.begin_registration(account.phone, account.relay_url)
        known = phone._peers.signed_list(account.user)
        before = (
            (ListedDevice(account.device, account.identity_key),)
            if known is None
            else decode_device_list(known.encoded).devices
        )
        device = DeviceId(max(each.device for each in before) + 1)
        signed = sign(village, primary, (*before, ListedDevice(device, keys.identity_key)))
        static_key = KeyPair.from_private_bytes(keys.noise_private).public
        now = int(village.clock.now())
        signed_prekey = signed_prekey_to_wire(keys.signed_prekey)
        record = DeviceRecord(static_key, keys.identity_key, *signed_prekey, now)
        last_resort = kem_prekey_to_wire(keys.last_resort)
        newcomer = Newcomer(account.user, record, prekeys_to_wire(keys.prekeys), last_resort, signed)
        worker = village.running.worker
        mailbox = await Mailboxes(worker).get(account.user)
        await mailbox.change_devices(partial(devices.add, newcomer=newcomer))
        directory = of_family(
            accounts.put_device(type(account.address)(account.user, device), record), Family.DIRECTORY
        )
        InlineJournal(worker.environment).submit(directory, _must_succeed)
        companion.complete_registration(account.user, device, account.relay_key)
        for store in (phone, companion):
            own = store.account()
            assert own is not None
            with store._database.transaction():
                store._peers.keep_list(own, own.user, signed)
    village.keys[name] = static_key
    return device


def sign(village: Village, primary: str, listed: tuple[ListedDevice, ...]) -> SignedDeviceList:
    """The next list of somebody's devices, signed by the primary."""
    with _store(village, primary) as phone:
        account = phone.account()
        assert account is not None
        known = phone._peers.signed_list(account.user)
        number = 0 if known is None else decode_device_list(known.encoded).number
        device_list = DeviceList(account.user, number + 1, int(village.clock.now()), listed)
        return sign_device_list(phone._keys.identity(), device_list)


def _store(village: Village, name: str) -> Store:
    return Store.open(village.home(name), village.entropy, village.clock)


def _must_succeed(error: Exception | None) -> None:
    assert error is None
