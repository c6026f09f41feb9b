"""A process that sends or receives in a loop until it is killed; for the crash tests of the store.

Run as ``python -m tests.client.crash_worker send|receive HOME [DELIVERIES]``. Each line it prints stands for
bytes that left the process: a message that went out, or an acknowledgement.
"""

import sys
from pathlib import Path

from actors.ports import system_entropy
from client.records import IncomingDelivery
from client.store import Store
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from tests.client.phones import SettableClock


def send_for_ever(store: Store, to: UserId) -> None:
    """Resend what is unresolved, as after every connect; then queue, encrypt and send without end."""
    sends = store.unresolved_sends()
    while True:
        for send in sends:
            print(send.message_id, send.number, send.parts[0].ciphertext.hex(), flush=True)
        store.queue_text(to, "hello")
        queued = store.next_to_encrypt()
        assert queued is not None
        sends = [store.encrypt(queued.message_id)]


def receive_all(store: Store, deliveries: list[IncomingDelivery]) -> None:
    """Receive from the resume point on, one delivery before it included, as a relay may repeat it."""
    for delivery in deliveries[max(store.cursor() - 1, 0) :]:
        store.receive(delivery)
        print(delivery.seq, flush=True)


def read_deliveries(path: Path) -> list[IncomingDelivery]:
    """The file has a line for each delivery: user, device, number, ciphertext."""
    deliveries = []
    for seq, line in enumerate(path.read_text().splitlines(), start=1):
        user, device, number, ciphertext = line.split()
        sender = DeviceAddress(UserId(int(user)), DeviceId(int(device)))
        deliveries.append(
            IncomingDelivery(Seq(seq), sender, MessageNumber(int(number)), bytes.fromhex(ciphertext))
        )
    return deliveries


def main(task: str, home: str, argument: str) -> None:
    """Do the task until somebody kills this process."""
    store = Store.open(Path(home), system_entropy, SettableClock())
    print("ready", flush=True)
    if task == "send":
        send_for_ever(store, UserId(int(argument)))
    else:
        receive_all(store, read_deliveries(Path(argument)))
        sys.stdin.read()  # done; the killer comes anyway


if __name__ == "__main__":
    main(*sys.argv[1:])
