"""The account's side of a registration: one device at a time, and not a row of the directory."""

from pathlib import Path

from protocol import DeviceAddress, DeviceId, KemPrekey, Prekey, UserId
from relay.device_creation import NewDevice, create_device
from relay.mailboxes import Mailboxes
from storage import accounts, kem_prekeys
from storage.accounts import DeviceRecord
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

NUMBER = "+491713920009"
LAST_RESORT = KemPrekey(1, b"k" * 1_184, b"g" * 64)


def new_device(user: UserId, key: bytes) -> NewDevice:
    record = DeviceRecord(key * 32, b"i" * 32, 1, b"s" * 32, b"g" * 64, 7)
    return NewDevice(user, NUMBER, record, (Prekey(1, b"p" * 32),), LAST_RESORT)


async def test_a_new_account_has_one_device_and_nothing_leads_to_it_yet(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        address = await create_device(worker, Mailboxes(worker), new_device(UserId(77), b"k"))
        assert address == (77, 1)
        with worker.store.own.read() as reader:
            user = accounts.load_user(reader, UserId(77))
            assert user is not None
            assert (user.phone, user.created_at) == (NUMBER, 7)
            assert accounts.find_user_by_phone(reader, NUMBER) is None
            assert accounts.find_device_by_static_key(reader, b"k" * 32) is None
            last_resort = kem_prekeys.load_last_resort(reader, address)
            assert last_resort is not None
            assert last_resort.key == LAST_RESORT.key


async def test_a_known_account_is_left_with_the_new_device_alone(sim: SimNetwork, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, user = stage.running.worker, stage.ben.address.user
        address = await create_device(worker, Mailboxes(worker), new_device(user, b"k"))
        again = await create_device(worker, Mailboxes(worker), new_device(user, b"l"))
        assert (address.device, again.device) == (2, 3)
        with worker.store.own.read() as reader:
            assert [number for number, _ in accounts.list_devices(reader, user)] == [DeviceId(3)]
            assert kem_prekeys.load_last_resort(reader, DeviceAddress(user, DeviceId(2))) is None
