"""Devices count messages where the server counts stanzas, and answer each message with a receipt."""

from bench.load.crew import Assignment
from bench.load.loop import Loop
from bench.peers.peer import PeerAccount
from bench.peers.xmpp.crews import XmppGroup, XmppPairs
from bench.peers.xmpp.device import Acknowledged, XmppGroupWriter, XmppMember, XmppTalker
from bench.peers.xmpp.session import Session
from bench.peers.xmpp.stanzas import body_of, group_message, message, receipt
from bench.peers.xmpp.stream import Element
from bench.scenarios import fanout, pairs

ANN, BOB = PeerAccount("ann", "a"), PeerAccount("bob", "b")


def _assignment(plan: object) -> Assignment:
    return Assignment(0, 1, ("127.0.0.1", 1), b"", [ANN, BOB], 0, plan)


def _element(text: bytes) -> Element:
    return Element(text[1 : text.index(b" ")], text)


def test_messages_are_some_of_the_stanzas_that_a_server_counts() -> None:
    counted = Acknowledged()
    for place in (2, 3, 6):  # presence was the first, and receipts are between
        counted.add(place)
    assert [counted.count(stanzas) for stanzas in (1, 2, 5, 6, 9)] == [0, 1, 2, 3, 3]


def test_a_message_is_answered_with_a_receipt_and_the_receipt_ticks_it() -> None:
    crew = XmppPairs(Loop(), _assignment(pairs.Plan(pairs=1, window=1)))
    ann, bob = (device for device in crew.devices if isinstance(device, XmppTalker))
    for device in (ann, bob):
        device.session = Session("bench.example", device.account.name, "x")
        device.session.data_to_send()
    crew.window = 1
    ann.fill(1.0)
    assert message(BOB.address.encode(), 1, ann.body) in ann.data_to_send()
    came = b"<message from='ann@bench.example/bench' id='1'><body>Y2M=</body></message>"
    bob.hear(_element(came), 2.0)
    assert receipt(b"ann@bench.example/bench", b"1") in bob.data_to_send()
    ann.hear(_element(receipt(b"", b"1")), 3.0)
    ann.session.acknowledged = 1
    ann.heard_all(3.0)
    assert dict(crew.counts) == {"delivered": 1, "ticked": 1, "accepted": 1}
    assert ann.number == 2  # the window has room again


def test_a_group_s_message_is_ticked_when_the_last_member_here_has_it() -> None:
    crew = XmppGroup(Loop(), _assignment(fanout.Plan(members=2, window=1)))
    writer, member = crew.devices
    assert isinstance(writer, XmppGroupWriter)
    assert isinstance(member, XmppMember)
    for device in (writer, member):
        device.session = Session("bench.example", device.account.name, "x")
    member.hear(_element(b"<message from='g@c' type='groupchat'><subject/></message>"), 1.0)
    assert crew.ready == 1
    crew.window = 1
    writer.fill()
    came = _element(group_message(b"g@c", 1, body_of(crew.payload(1, 1.0))))
    writer.hear(came, 2.0)
    assert crew.counts["delivered"] == 0
    member.hear(came, 2.0)
    assert (crew.counts["delivered"], crew.counts["ticked"]) == (1, 1)
    assert writer.number == 2
