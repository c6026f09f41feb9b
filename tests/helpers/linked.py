"""Links a companion to a device of a test, stanza by stanza, as the two phones do it."""

from protocol import (
    AnswerLink,
    ClaimLink,
    CompleteLink,
    ConfirmLink,
    DeviceAddress,
    ErrorCode,
    Failed,
    LinkClaimed,
    LinkOpened,
    LinkState,
    LinkStep,
    OpenLink,
    PollLink,
    Prekey,
    Registered,
    SignedDeviceList,
)
from tests.helpers.device import Device
from tests.helpers.families import PRIMARY_KEY, key_of, signed_list

COMPANION_KEY = key_of("j")


async def open_link(companion: Device) -> LinkOpened:
    """A link of a stranger."""
    companion.say(OpenLink(1))
    return await companion.expect(LinkOpened)


async def claim_and_answer(primary: Device, companion: Device, opened: LinkOpened) -> LinkClaimed:
    """The link is the primary's, and the companion has answered."""
    primary.say(ClaimLink(1, opened.nameplate, b"claim"))
    claimed = await primary.expect(LinkClaimed)
    companion.say(AnswerLink(2, opened.link, b"answer"))
    assert (await companion.expect(LinkState)).step == LinkStep.ANSWERED
    primary.say(PollLink(2, opened.link))
    assert (await primary.expect(LinkState)).message == b"answer"
    return claimed


async def confirm(
    primary: Device, companion: Device, opened: LinkOpened, signed: SignedDeviceList
) -> LinkState | Failed:
    """The primary has signed the companion in."""
    static_key = companion.keys.public
    primary.say(ConfirmLink(3, opened.link, static_key, *signed, b"confirm"))
    return await primary.expect((LinkState, Failed))


def complete(companion: Device, opened: LinkOpened, identity_key: bytes = COMPANION_KEY) -> None:
    """The companion asks to be made the device."""
    prekeys = (Prekey(1, b"p" * 32),)
    companion.say(CompleteLink(4, opened.link, identity_key, 1, b"s" * 32, b"g" * 64, prekeys))


async def link_companion(
    primary: Device, companion: Device, address: DeviceAddress, number: int = 2
) -> DeviceAddress:
    """All of it; returns the address of the companion, which is the second device."""
    opened = await open_link(companion)
    claimed = await claim_and_answer(primary, companion, opened)
    signed = signed_list(address.user, number, (address.device, PRIMARY_KEY), (claimed.device, COMPANION_KEY))
    assert isinstance(await confirm(primary, companion, opened, signed), LinkState)
    complete(companion, opened)
    registered = await companion.expect(Registered)
    return DeviceAddress(registered.user, registered.device)


async def refusal(device: Device) -> ErrorCode:
    """The code with which the next request is refused."""
    return ErrorCode((await device.expect(Failed)).code)
