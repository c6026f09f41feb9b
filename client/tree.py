"""The supervision tree of a phone.

    phone (rest_for_one)
    ├─ inbox        stores and acknowledges what is delivered
    ├─ outbox       sends what is queued, takes in the ticks
    ├─ receipts     tells what was read
    ├─ connection   the line to the relay
    ├─ prekeys      keeps the relay supplied
    ├─ account-sync brings privacy, blocks and the profile there
    ├─ contact-finder asks who of the address book is there
    ├─ groups       keeps groups in step with the relay
    ├─ devices-sync has the relay hand out the device list that is true
    └─ timekeeper   has messages disappear in time

Whatever breaks, everything after it starts anew: with inbox, outbox or receipts the connection too, and on a
new connection the relay repeats whatever was not acknowledged. All that lasts is in the store.
"""

from actors import Actor, ActorSystem
from actors.network import Network
from actors.ports import Entropy
from client import account_sync, connection, devices_sync, inbox, outbox, prekeys, receipts, timekeeper
from client.access import Access
from client.attention import Attention
from client.contacts import finder
from client.events import EventStream
from client.groups import sync as groups_sync
from client.store import Store
from client.switchboard import Switchboard
from supervisors import ChildSpec, Strategy, Supervisor

# A phone whose parts fail more often than this has a fault that starting anew does not heal.
RESTARTS = 5
RESTART_PERIOD_SECONDS = 30.0


def phone_tree(
    system: ActorSystem,
    store: Store,
    events: EventStream,
    attention: Attention,
    access: Access,
    network: Network,
    entropy: Entropy,
) -> Actor:
    """The root of the tree; start it in ``system``, one phone to a system."""
    listener = Switchboard(system, store, events, attention)
    children: list[ChildSpec] = [
        inbox.child_spec(store, events),
        outbox.child_spec(store, events, entropy),
        receipts.child_spec(store),
        connection.child_spec(access, network, entropy, listener),
        prekeys.child_spec(store),
        account_sync.child_spec(store, entropy),
        finder.child_spec(store),
        groups_sync.child_spec(store, events),
        devices_sync.child_spec(store),
        timekeeper.child_spec(store, events),
    ]
    return Supervisor(
        children, Strategy.REST_FOR_ONE, intensity=RESTARTS, period=RESTART_PERIOD_SECONDS, name="phone"
    )
