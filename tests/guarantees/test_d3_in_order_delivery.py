"""D3: messages of one sender to one recipient arrive in the order in which they were accepted."""

from pathlib import Path

from protocol import ErrorCode, MessageNumber, Part, Refused, Send
from tests.helpers.stage import link, open_stage

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


async def test_what_waited_comes_before_what_is_new(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        for number in range(1, BURST + 1):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(BURST)
        ben = await stage.ben.connect()
        assert ben.welcome is not None
        assert ben.welcome.queued == BURST
        for number in range(BURST + 1, BURST + 21):
            anna.send(stage.ben.address.user, number)
        seen = []
        for _ in range(BURST + 20):
            delivery = (await ben.expect_deliveries(1))[0]
            ben.ack(delivery.seq)
            seen.append(delivery.number)
        assert seen == list(range(1, BURST + 21))


async def test_a_number_that_was_skipped_is_refused_with_the_one_expected(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        anna.send(stage.ben.address.user, 3)
        refused = await anna.expect(Refused)
        assert (refused.number, refused.code, refused.detail) == (3, ErrorCode.OUT_OF_ORDER, 2)


async def test_two_senders_share_a_queue_and_each_keeps_its_order(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        bens_other = link(stage.ben)
        anna, ben, other = await stage.anna.connect(), await stage.ben.connect(), await bens_other.connect()
        user, devices = stage.ben.address.user, (stage.ben.address.device, bens_other.address.device)
        for number in map(MessageNumber, range(1, 21)):
            anna.say(Send(user, number, tuple(Part(device, b"from anna") for device in devices)))
            other.say(Send(user, number, (Part(devices[0], b"from ben"),)))
        deliveries = await ben.expect_deliveries(40)
        assert [delivery.seq for delivery in deliveries] == list(range(1, 41))
        for sender in (stage.anna.address, bens_other.address):
            own = [delivery.number for delivery in deliveries if delivery.chat == sender]
            assert own == list(range(1, 21))
