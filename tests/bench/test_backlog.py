"""What waits is in the queues of those who are away, as the relay would have put it there."""

from pathlib import Path

from bench.accounts import make_accounts
from bench.backlog import MESSAGES_EACH, people_away, put_backlog
from storage import open_environment, read_layout
from storage.mailboxes import count_queued, load_device_queue_state
from storage.progress import load_progress


def test_messages_wait_for_as_few_people_as_they_are_enough_for() -> None:
    assert [people_away(count) for count in (0, 1, MESSAGES_EACH, MESSAGES_EACH + 1)] == [0, 1, 1, 2]


def test_every_message_waits_with_its_cursor_and_its_progress(tmp_path: Path) -> None:
    sender, *away = make_accounts(tmp_path, 4, 2)
    put_backlog(tmp_path, away, sender.address, MESSAGES_EACH + 5, 100)
    layout, queued, waiting = read_layout(tmp_path), 0, []
    for at in range(layout.environments):
        with open_environment(tmp_path, at) as environment, environment.read() as reader:
            queued += count_queued(reader)
            for account in away:
                if layout.owner(account.address.user) == at:
                    cursor = load_device_queue_state(reader, account.address)
                    progress = load_progress(reader, account.address.user, sender.address)
                    assert cursor.messages == progress.accepted == cursor.next_seq - 1
                    waiting.append(cursor.messages)
    assert queued == MESSAGES_EACH + 5
    assert sorted(waiting) == [0, 5, MESSAGES_EACH]
