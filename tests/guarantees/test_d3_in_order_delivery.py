"""D3: messages of one sender to one recipient arrive in the order in which they were accepted."""

from pathlib import Path

from protocol import ErrorCode, Refused
from tests.guarantees.stage import open_stage

BURST = 300  # more than a window, so that memory and disk both serve it


async def test_a_burst_arrives_in_order_while_the_recipient_is_online(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in range(1, BURST + 1):
            anna.send(stage.ben.address.user, number, b"%d" % number)
        for number in range(1, BURST + 1):
            delivery = (await ben.expect_deliveries(1))[0]
            assert (delivery.seq, delivery.number, delivery.ciphertext) == (number, number, b"%d" % number)
            ben.ack(delivery.seq)
        await anna.expect_accepted(BURST)
