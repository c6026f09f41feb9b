"""A relay in a few lines, for tests of the client: keeps everything in memory, and does as a script says.

It speaks the real wire (RelayConnection over any Network) and keeps the rules that a phone may rely on, but
it can also be told to lose a ✓, to refuse, to stay silent, or to forget. No actors, no disk, no clock.
"""

from collections.abc import Callable, Iterator

import trio

from actors.network import Link, LinkClosed, Network, Received
from actors.ports import Entropy
from client.relay_url import RelayUrl
from protocol.codes import ErrorCode
from protocol.connection import RelayConnection
from protocol.device_list import SignedDeviceList
from protocol.errors import RemoteProtocolError
from protocol.events import Confirmed, Event
from protocol.ids import DeviceAddress, DeviceId, MemberAddress, MessageNumber, Seq, UserId
from protocol.noise.primitives import KeyPair
from protocol.stanzas import (
    Accepted,
    AccountDeleted,
    AccountPage,
    Ack,
    Available,
    Bundles,
    ChangeNumber,
    ChangeSettings,
    ChatProgress,
    CodeSent,
    DeleteAccount,
    Deliver,
    Delivered,
    Detail,
    DeviceBundle,
    DevicesPublished,
    Error,
    ExportedRow,
    Failed,
    FetchAccount,
    FetchBundles,
    FetchProfile,
    FetchProgress,
    Found,
    Lookup,
    NumberChanged,
    Paused,
    PinSet,
    Presence,
    Privacy,
    Profile,
    ProfileStored,
    Progresses,
    PublishDevices,
    Read,
    Refused,
    Register,
    Registered,
    RequestCode,
    RequestNumberCode,
    Run,
    Send,
    SetPin,
    Settings,
    Stanza,
    StoreProfile,
    Subscribe,
    Typing,
    Unavailable,
    Unsubscribe,
    UploadPrekeys,
    Welcome,
)
from protocol.state import State
from tests.helpers.group_desk import GroupDesk
from tests.helpers.scripted_device import Device

HOST, PORT, CODE = "relay", 5252, "123456"
Refusal = tuple[ErrorCode, Detail]


class Line:
    """One connection: the owner of its link."""

    is_alive = True

    def __init__(self, relay: "ScriptedRelay", link: Link) -> None:
        self.relay = relay
        self.link = link
        self.device: Device | None = None
        self.static = b""
        self.wire = RelayConnection(relay.static, relay.entropy, knows=relay.knows)
        link.activate(self)

    def tell_nowait(self, message: object) -> None:
        if isinstance(message, Received):
            self._hear(message.data)
            self.flush()
            self.link.resume()
        elif isinstance(message, LinkClosed) and self.device is not None and self.device.line is self:
            self.device.line = None

    def _hear(self, data: bytes) -> None:
        try:
            events = [*self.wire.receive_data(data), *self.wire.proceed()]
        except RemoteProtocolError:
            self.flush()
            self.link.close()
            return
        for event in events:
            self.relay.heard.append(event)
            if not self.relay.is_deaf:
                self.relay.take(self, event)

    def say(self, *stanzas: Stanza) -> None:
        if self.wire.state is not State.CLOSED:
            self.wire.send(*stanzas)
        self.flush()

    def flush(self) -> None:
        if not self.relay.is_deaf and self.wire.has_data_to_send:
            self.link.write(self.wire.data_to_send())


class ScriptedRelay:
    """The relay. Its public attributes are the script."""

    def __init__(self, entropy: Entropy) -> None:
        self.entropy = entropy
        self.static = KeyPair.generate(entropy)
        self.url = RelayUrl(HOST, PORT, self.static.public)
        self.devices: dict[bytes, Device] = {}  # {static key: device}
        self.keeps_kem_prekeys = True
        self.accepted: dict[tuple[DeviceAddress, UserId], int] = {}
        self.stored: list[tuple[UserId, MessageNumber]] = []  # what was accepted as new, in order
        self.progress: dict[tuple[DeviceAddress, UserId], list[int]] = {}  # [delivered, read]
        self.groups = GroupDesk(self)
        self.expired: dict[tuple[DeviceAddress, UserId], tuple[Run, ...]] = {}
        self.privacy: dict[UserId, Privacy] = {}
        self.blocked: dict[UserId, dict[UserId, None]] = {}
        self.contacts: dict[UserId, dict[UserId, None]] = {}
        self.profiles: dict[tuple[UserId, int], tuple[int, bytes]] = {}  # {(user, piece): (version, data)}
        self.available: dict[UserId, None] = {}
        self.last_seen: dict[UserId, int] = {}
        self.watchers: dict[UserId, dict[DeviceAddress, None]] = {}
        self.delivered: list[bytes] = []  # ciphertexts, in order, repetitions included
        self.heard: list[Event] = []
        self.lines: list[Line] = []
        # ---- the script ----
        self.is_deaf = False  # nothing is answered any more, and nobody is told
        self.loses_accepted = False  # stores messages, but its ✓ never leaves
        self.loses_answer: Callable[[Event], bool] = lambda _: False  # acts, but the answer never leaves
        self.on_code: Callable[[str], None] = lambda _: None  # told the phone that asks for a code
        self.resume_from_start = False  # delivers again what was acknowledged long ago
        self.alerts: list[ErrorCode] = []  # for the next connections, one each, instead of an answer
        self.refusals: list[Refusal] = []  # for the next sends, one each
        self.code_refusal: Refusal | None = None  # for requests of codes
        self.code_routes: list[str] = []  # how codes were to be sent
        self.device_lists: dict[UserId, SignedDeviceList] = {}  # {user: as their primary signed it}
        self.pins: dict[str, str] = {}  # {phone: PIN, or nothing}
        self.request_refusal: Refusal | None = None  # for all requests
        self.lookups_left = 100_000  # numbers that may still be asked for; then: wait 600 seconds
        self.keepalive_s = 30

    async def serve(
        self,
        network: Network,
        host: str = HOST,
        port: int = PORT,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; with port 0 ``url`` is right once it has started."""
        listener = await network.listen(host, port, 10)
        self.url = RelayUrl(host, listener.port, self.static.public)
        task_status.started()
        try:
            while True:
                link = await listener.accept()
                if self.alerts:
                    link.write(b"\x00\x00\x01" + bytes([self.alerts.pop(0)]))
                    link.close()
                else:
                    self.lines.append(Line(self, link))
        finally:
            listener.close()

    def knows(self, static: bytes) -> bool:
        return static in self.devices

    def device_of(self, phone: str) -> Device:
        return next(device for device in self.devices.values() if device.phone == phone)

    def cut_all(self) -> None:
        for line in self.lines:
            line.link.abort()

    def dismiss(self, phone: str, code: ErrorCode, detail: int | None = None) -> None:
        line = self.device_of(phone).line
        assert line is not None
        line.say(Error(code, detail))
        line.link.close()

    def heard_of(self, kind: type[object]) -> list[Event]:
        return [event for event in self.heard if isinstance(event, kind)]

    # ---- what it does with what it hears ----

    def take(self, line: Line, event: Event) -> None:
        if isinstance(event, Confirmed):
            self._welcome(line, event)
        elif self.groups.takes(line, event):
            pass
        elif isinstance(event, Send | Ack | Read | Typing | Paused):
            assert line.device is not None
            self._of_messages(line, line.device, event)
        elif isinstance(event, Subscribe | Unsubscribe | Available | Unavailable):
            assert line.device is not None
            self._of_presence(line.device, event)
        elif hasattr(event, "request"):
            answer = self._answer(line, event)
            if not self.loses_answer(event):
                line.say(answer)

    def _welcome(self, line: Line, event: Confirmed) -> None:
        line.static = event.remote_static
        device = line.device = self.devices.get(event.remote_static)
        if device is None:
            line.say(Welcome(UserId(0), DeviceId(0), 0, self.keepalive_s, 64, 0))
            return
        device.line = line
        if not self.resume_from_start:
            device.queue = [entry for entry in device.queue if entry[0] > event.hello.resume_seq]
        line.say(Welcome(*device.address, 0, self.keepalive_s, 64, len(device.queue)))
        for entry in device.queue:
            self._deliver(device, *entry)

    def _of_messages(self, line: Line, device: Device, event: Event) -> None:
        match event:
            case Send():
                self._send(line, device, event)
            case Ack(seq):
                acknowledged = [entry for entry in device.queue if entry[0] <= seq]
                device.queue = [entry for entry in device.queue if entry[0] > seq]
                for at, sender, number, _ in acknowledged:
                    if isinstance(sender, MemberAddress):
                        self.groups.acknowledged(device, at)
                    else:
                        self._advance(sender, device.address.user, 0, number)
            case Read(DeviceAddress() as sender, number):
                self._advance(sender, device.address.user, 1, number)
            case Typing(int(user)) | Paused(int(user)):
                for other in self._devices(UserId(user)):
                    if other.line is not None:
                        other.line.say(type(event)(device.address))

    def _of_presence(self, device: Device, event: Event) -> None:
        user = device.address.user
        match event:
            case Subscribe(chat):
                self.watchers.setdefault(chat, {})[device.address] = None
                self.tell_presence(chat)
            case Unsubscribe(chat):
                self.watchers[chat].pop(device.address)
            case Available():
                self.available[user] = None
                self.tell_presence(user)
            case Unavailable():
                self.available.pop(user, None)
                self.last_seen[user] = 1_795_348_800
                self.tell_presence(user)

    def tell_presence(self, user: UserId) -> None:
        """Tell all who watch somebody how they are."""
        for watcher in self.watchers.get(user, {}):
            for device in self._devices(watcher.user):
                if device.line is not None:
                    is_here = user in self.available
                    seen = None if is_here else self.last_seen.get(user)
                    device.line.say(Presence(user, int(is_here), seen))

    def _send(self, line: Line, device: Device, send: Send) -> None:
        key = (device.address, send.chat)
        last = self.accepted.get(key, 0)
        if send.number > last and self.refusals:
            line.say(Refused(send.chat, send.number, *self.refusals.pop(0)))
            return
        if send.number > last + 1:
            line.say(Refused(send.chat, send.number, ErrorCode.OUT_OF_ORDER, last + 1))
            return
        if send.number == last + 1:
            self.accepted[key] = send.number
            self.stored.append((send.chat, send.number))
            assert not isinstance(send.parts, bytes)
            for target in self._devices(send.chat):
                for part in send.parts:
                    if part.device == target.address.device:
                        target.last_seq += 1
                        entry = (Seq(target.last_seq), device.address, send.number, part.ciphertext)
                        target.queue.append(entry)
                        self._deliver(target, *entry)
        if not self.loses_accepted:
            line.say(Accepted(send.chat, MessageNumber(self.accepted[key])))

    def _deliver(
        self,
        device: Device,
        seq: Seq,
        sender: DeviceAddress | MemberAddress,
        number: MessageNumber,
        ciphertext: bytes,
    ) -> None:
        if isinstance(sender, MemberAddress):
            self.groups.deliver(device, seq, sender)
            return
        self.delivered.append(ciphertext)
        if device.line is not None:
            phone = next(other.phone for other in self.devices.values() if other.address == sender)
            device.line.wire.bind(sender, phone)
            device.line.say(Deliver(seq, sender, number, ciphertext))

    def _advance(self, sender: DeviceAddress, reader: UserId, which: int, number: MessageNumber) -> None:
        row = self.progress.setdefault((sender, reader), [0, 0])
        row[which] = max(row[which], number)
        for device in self._devices(sender.user):
            if device.line is not None:
                device.line.say((Delivered, Read)[which](reader, number))

    def _devices(self, user: UserId) -> Iterator[Device]:
        return (device for device in self.devices.values() if device.address.user == user)

    def _answer(self, line: Line, event: Event) -> Stanza:
        request = event.request  # type: ignore[union-attr] # the caller has looked
        if self.request_refusal is not None:
            return Failed(request, *self.request_refusal)
        match event:
            case RequestCode() if self.code_refusal is not None:
                return Failed(request, *self.code_refusal)
            case RequestCode(phone=phone, via=via):
                self.code_routes.append(via)
                self.on_code(phone)
                return CodeSent(request, 60, 600)
            case Register():
                return self._register(line, event)
            case SetPin(pin=pin):
                assert line.device is not None
                self.pins[line.device.phone] = pin
                return PinSet(request)
            case DeleteAccount(phone=phone):
                assert line.device is not None
                assert phone == line.device.phone
                self.devices = {key: device for key, device in self.devices.items() if device.phone != phone}
                return AccountDeleted(request)
            case RequestNumberCode(phone=phone):
                assert line.device is not None
                if phone == line.device.phone:
                    return Failed(request, ErrorCode.ALREADY_REGISTERED)
                self.on_code(phone)
                return CodeSent(request, 60, 600)
            case ChangeNumber(phone=phone, code=code):
                assert line.device is not None
                if code != CODE and phone != line.device.phone:
                    return Failed(request, ErrorCode.INVALID_CODE)
                line.device.phone = phone
                return NumberChanged(request)
            case FetchAccount(begin=begin):
                assert line.device is not None
                row = ExportedRow("users", f'{{"phone": "{line.device.phone}", "page": {len(begin)}}}')
                return AccountPage(request, (row,), b"" if begin else b"more")
            case UploadPrekeys():
                assert line.device is not None
                return line.device.upload(event, keeps_kem_prekeys=self.keeps_kem_prekeys)
            case Lookup(phones=phones) if len(phones) > self.lookups_left:
                return Failed(request, ErrorCode.WAIT, 600)
            case Lookup(phones=phones):
                self.lookups_left -= len(phones)
                by_phone = {device.phone: device.address.user for device in self.devices.values()}
                return Found(request, tuple(by_phone.get(phone, UserId(0)) for phone in phones))
            case PublishDevices(encoded=encoded, signature=signature):
                assert line.device is not None
                self.device_lists[line.device.address.user] = SignedDeviceList(encoded, signature)
                return DevicesPublished(request)
            case FetchBundles(user=user, devices=devices):
                return self._fetch_bundles(request, user, devices)
            case ChangeSettings():
                return self._change_settings(line, event)
            case StoreProfile(version=version, piece=piece, data=data):
                assert line.device is not None
                self.profiles[line.device.address.user, piece] = (version, data)
                return ProfileStored(request)
            case FetchProfile(user=user, piece=piece, known_version=known):
                version, data = self.profiles.get((user, piece), (0, b""))
                return Profile(request, version, b"" if version == known else data)
            case FetchProgress(users=users, groups=groups):
                assert line.device is not None
                sender = line.device.address
                return Progresses(
                    request,
                    tuple(self._progress(sender, user) for user in users),
                    None if groups is None else tuple(self.groups.ticks(sender, each) for each in groups),
                )
            case _:
                raise AssertionError(event)

    def _fetch_bundles(self, request: int, user: UserId, devices: tuple[DeviceId, ...] | None) -> Stanza:
        there = self._devices(user)
        if not there:
            return Failed(request, ErrorCode.UNKNOWN_USER)
        wanted = [device for device in there if devices is None or device.address.device in devices]
        present = tuple(device.address.device for device in there)
        bundles = tuple(device.take_bundle() for device in wanted)
        return Bundles(request, bundles, self.device_lists.get(user), present)

    def _change_settings(self, line: Line, change: ChangeSettings) -> Settings:
        assert line.device is not None
        user = line.device.address.user
        if change.privacy is not None:
            self.privacy[user] = change.privacy
        blocked, contacts = self.blocked.setdefault(user, {}), self.contacts.setdefault(user, {})
        blocked |= dict.fromkeys(change.block)
        contacts |= dict.fromkeys(change.add_contacts)
        for gone in change.unblock:
            blocked.pop(gone, None)
        return Settings(change.request, self.privacy.get(user, Privacy()), tuple(blocked), len(contacts))

    def _register(self, line: Line, event: Register) -> Stanza:
        if event.code != CODE:
            return Failed(event.request, ErrorCode.INVALID_CODE)
        user = next(
            (device.address.user for device in self.devices.values() if device.phone == event.phone), None
        )
        if user is not None and not event.take_over:
            return Failed(event.request, ErrorCode.ACCOUNT_EXISTS)
        wanted = self.pins.get(event.phone)
        if wanted and event.pin is None:
            return Failed(event.request, ErrorCode.PIN_REQUIRED, 7 * 86_400)
        if wanted and event.pin != wanted:
            return Failed(event.request, ErrorCode.PIN_WRONG, 9)
        number = len(self.devices) + 1
        address = DeviceAddress(user or UserId(1000 + number), DeviceId(number))
        self.devices = {key: old for key, old in self.devices.items() if old.phone != event.phone}
        self.device_lists.pop(address.user, None)
        bundle = DeviceBundle(
            address.device,
            event.identity_key,
            event.signed_prekey_id,
            event.signed_prekey,
            event.signature,
            None,
            event.last_resort,
        )
        line.device = Device(address, event.phone, bundle, list(event.prekeys))
        self.devices[line.static] = line.device
        return Registered(event.request, *address)

    def _progress(self, sender: DeviceAddress, user: UserId) -> ChatProgress:
        delivered, read = self.progress.get((sender, user), [0, 0])
        accepted = self.accepted.get((sender, user), 0)
        return ChatProgress(
            user,
            MessageNumber(accepted),
            MessageNumber(delivered),
            MessageNumber(read),
            self.expired.get((sender, user), ()),
        )


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so, looking every (virtual) 10 milliseconds."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for is data, and has no event
            await trio.sleep(0.01)
