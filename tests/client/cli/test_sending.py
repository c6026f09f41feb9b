from actors.ports import system_clock, system_entropy
from client.cli import delete
from client.store import Store
from tests.client.cli.conftest import Desk
from tests.client.conftest import BEN


def test_what_needs_nothing_to_be_sent_says_so_and_is_done(pair: Desk) -> None:
    with Store.open(pair.folder / "ann", system_entropy, system_clock) as store:
        message_id = store.queue_text(BEN, "never sent")
    outcome = pair.run(delete, "--home", pair.home("ann"), message_id)
    assert (outcome.status, outcome.out) == (0, "it had not been sent yet; nobody will see it\n")


def test_a_machine_is_told_that_there_is_no_message(pair: Desk) -> None:
    with Store.open(pair.folder / "ann", system_entropy, system_clock) as store:
        message_id = store.queue_text(BEN, "never sent")
    (told,) = pair.run(delete, "--home", pair.home("ann"), message_id, "--json").objects
    assert (told["id"], told["state"]) == (None, None)
