"""D9: the relay never holds a key or a plaintext of a chat. That it cannot is shown by its imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage import mailboxes
from tests.helpers.stage import open_stage

LIST_MODULES = (
    "import relay.serve, sys; print([name for name in sys.modules if name.startswith('protocol.e2e')])"
)


@pytest.mark.slow  # a process of its own
def test_a_relay_process_has_not_even_loaded_the_end_to_end_layer() -> None:
    done = subprocess.run([sys.executable, "-c", LIST_MODULES], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_what_is_stored_is_what_was_sent_byte_for_byte(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        ciphertext = bytes(range(256))
        anna.send(stage.ben.address.user, 1, ciphertext)
        await anna.expect_accepted(1)
        with stage.running.worker.environment.read() as reader:
            ((_, message),) = mailboxes.read_range(reader, stage.ben.address, 0, 10)
        assert message.ciphertext == ciphertext
