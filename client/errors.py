"""What can go wrong in a phone, and whose fault it is.

- ``ClientError``: base; ``name`` is the kebab-case word that stands in ``error: <name>: <sentence>``
    - ``UserInputError``: what the person typed cannot be
        - ``PhoneNumberError``: a phone number that cannot exist
        - ``RelayUrlError``: a relay address that cannot be read
        - ``OwnNumberError``: a message to oneself
        - ``BlockedError``: a message to somebody whom one has blocked
        - ``CodeChangedError``: a message to somebody whose compared security code is another one now
        - ``ScanCodeError``: what was given is no security code
        - ``ContentError``: a contact, place or reaction that cannot be sent
        - ``MessageChangeError``: a message that cannot be answered, edited or deleted; ``name`` says why
        - ``ProfileError``: a name, about or picture that cannot be shown
        - ``PinError``: what was given is no PIN
        - ``ConfirmationError``: what cannot be undone was not confirmed
        - ``ContactFileError``: a file of contacts that cannot be read, or has none in it
        - ``LinkCodeError``: what was given is neither a link's text nor its code
        - ``CodeFileError``: no code for this phone in the gateway's file
    - ``HomeError``: the home folder does not hold what is needed, or already holds it
        - ``NoAccountError``: no account has been registered in this home
        - ``AccountExistsError``: an account has already been registered in this home
        - ``HomeInUseError``: another process is the phone of this home
        - ``HomeUnusableError``: the folder cannot be made, read or written
        - ``StoreTooNewError``: a later version of Roost wrote the store
        - ``StoreDamagedError``: the store is not one, or cannot be read
        - ``StoreFailedError``: the disk did not take or give what it should (full, read-only, broken)
    - ``TextTooLongError``: a text above the limit of the content format, or no text at all
    - ``MessageStateError``: the store was asked for a step that is not this message's next one (our bug)
    - ``GroupError``: what is wanted of a group cannot be; ``name`` says why
    - ``LinkingError``: a device was not linked; ``name`` says why
    - ``CodeUnknownError``: there is no key of somebody yet, and so no security code
    - ``CodeMismatchError``: the other side shows another security code
    - ``RelayRefusedError``: the relay said no; ``name`` is its error code's name
    - ``RelayKeyError``: whoever answers at the relay's address does not hold the pinned key
    - ``NotConnectedError``: the relay cannot be reached at the moment
    - ``PhoneFailedError``: the phone's own parts failed too often
    - ``RequestTimeoutError``: the relay did not answer a request in time
"""


class ClientError(Exception):
    """Base of everything foreseeable that a phone raises; the text is a sentence for people."""

    name = "client-error"


class UserInputError(ClientError):
    """What the person typed cannot be; nothing has been sent."""

    name = "invalid-input"


class PhoneNumberError(UserInputError):
    """A phone number that cannot exist."""

    name = "invalid-number"

    def __init__(self, number: str, reason: str) -> None:
        super().__init__(f"{number.strip() or 'an empty text'} is not a phone number: {reason}")
        self.number = number
        self.reason = reason


class RelayUrlError(UserInputError):
    """A relay address that cannot be read."""

    name = "invalid-relay-url"

    def __init__(self, reason: str) -> None:
        super().__init__(f"this is not a relay's address: {reason}")
        self.reason = reason


class OwnNumberError(UserInputError):
    """A message to oneself, which needs more than one device to make sense."""

    name = "own-number"

    def __init__(self, phone: str) -> None:
        super().__init__(f"{phone} is this phone's own number")
        self.phone = phone


class BlockedError(UserInputError):
    """A message to somebody whom this account has blocked."""

    name = "blocked"

    def __init__(self, who: str) -> None:
        super().__init__(f"{who} is blocked; roost block remove lets you write again")
        self.who = who


class CodeChangedError(ClientError):
    """A message to somebody whose security code was compared, and is another one now."""

    name = "security-code-changed"

    def __init__(self, who: str) -> None:
        super().__init__(
            f"the security code with {who} has changed since you compared it;"
            " compare it again with roost verify, and --confirm it or --reset it"
        )
        self.who = who


class ScanCodeError(UserInputError):
    """What was given is neither the text of a QR code nor 60 digits, or is somebody else's."""

    name = "invalid-code-text"


class ContentError(UserInputError):
    """A contact, place or reaction that cannot be sent."""

    name = "invalid-content"


class MessageChangeError(UserInputError):
    """A message that cannot be answered, reacted to, edited or deleted.

    Args:
        name: ``no-such-message``, ``not-possible``, ``not-yours``, ``not-a-text``, ``too-late`` or
            ``not-sent``.
        sentence: why, for people.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class MessageGoneError(ClientError):
    """A message that was waited for is not here any more."""

    name = "message-gone"

    def __init__(self) -> None:
        super().__init__("the message is gone: its time was over before it had come so far")


class NotAllowedInGroupError(ClientError):
    """Something in a group that only its admins may do."""

    name = "not-allowed"

    def __init__(self) -> None:
        super().__init__("only admins may say what holds in this group")


class KeptHereError(ClientError):
    """What is to be taken out of a chat whose messages somebody has asked to keep in it."""

    name = "kept-here"

    def __init__(self) -> None:
        super().__init__("this chat is kept here: its messages are neither forwarded nor exported")


class ProfileError(UserInputError):
    """A name, about or picture that cannot be shown."""

    name = "invalid-profile"


class PinError(UserInputError):
    """What was given is no PIN, or there is nobody to give one."""

    name = "pin-invalid"


class LinkCodeError(UserInputError):
    """What was given is neither a link's text nor its code."""

    name = "invalid-link-code"


class ConfirmationError(UserInputError):
    """What cannot be undone was not confirmed; nothing has been done."""

    name = "not-confirmed"


class CodeFileError(UserInputError):
    """No verification code for this phone arrived in the file that was named."""

    name = "no-code"


class HomeError(ClientError):
    """The home folder does not hold what is needed, or already holds it."""

    name = "wrong-home"


class NoAccountError(HomeError):
    """No account has been registered in this home."""

    name = "no-account"

    def __init__(self, home: object) -> None:
        super().__init__(
            f"there is no account in {home}; make one with:"
            f" roost register --home {home} --relay roost://... --phone +..."
        )


class AccountExistsError(HomeError):
    """An account has already been registered in this home."""

    name = "already-registered"

    def __init__(self, home: object, phone: str) -> None:
        super().__init__(f"{home} already holds the account of {phone}; use another folder for another phone")
        self.phone = phone


class HomeInUseError(HomeError):
    """Another process is the phone of this home, and there can be only one."""

    name = "home-in-use"

    def __init__(self, home: object, instead: str = "stop it first") -> None:
        super().__init__(f"another roost command (listen or chat) is running on {home}; {instead}")


class HomeUnusableError(HomeError):
    """The folder cannot be made, read or written."""

    name = "home-unusable"

    def __init__(self, home: object, reason: str) -> None:
        super().__init__(f"{home} cannot be a phone's folder: {reason}")
        self.reason = reason


class StoreTooNewError(HomeError):
    """A later version of Roost wrote the store; it has been left untouched."""

    name = "store-too-new"

    def __init__(self, path: object, version: int, understood: int) -> None:
        super().__init__(
            f"{path} is of version {version} and this Roost understands up to {understood}; use a newer Roost"
        )
        self.version = version
        self.understood = understood


class StoreDamagedError(HomeError):
    """The store is not one, or SQLite cannot read it."""

    name = "store-damaged"

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path} cannot be used: {reason}")
        self.reason = reason


class StoreFailedError(HomeError):
    """The disk did not take or give what it should; what was not stored has not happened."""

    name = "store-failed"

    def __init__(self, reason: object) -> None:
        super().__init__(f"the phone's store could not be read or written: {reason}")


class TextTooLongError(ClientError):
    """A text that the content format cannot carry."""

    name = "text-too-long"


class ContactFileError(UserInputError):
    """A file of contacts cannot be read, or there are none in it."""

    name = "unreadable-contacts"


class MessageStateError(ClientError):
    """The store was asked for a step that is not this message's next one; a bug in the caller."""

    name = "wrong-message-state"


class GroupError(ClientError):
    """What is wanted of a group cannot be.

    Args:
        name: ``no-such-group``, ``ambiguous-group``, ``not-a-member``, ``not-allowed``, ``already-there``,
            ``group-full``, ``bad-invite``, ``unknown-log`` or ``broken-group``.
        sentence: why, for people.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class LinkingError(ClientError):
    """A device was not linked.

    Args:
        name: ``wrong-link-code``, ``bad-linking``, ``link-mismatch``, ``link-taken`` or ``not-primary``.
        sentence: why, for people.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class CodeUnknownError(ClientError):
    """There is no key of somebody yet: nobody has written."""

    name = "no-security-code"

    def __init__(self, who: str) -> None:
        super().__init__(f"there is no security code with {who} yet: write a message first")
        self.who = who


class CodeMismatchError(ClientError):
    """The other side shows another security code than this one."""

    name = "security-code-mismatch"

    def __init__(self) -> None:
        super().__init__(
            "the two codes are not the same: one of you has an old or a wrong key of the other,"
            " or somebody is in between; say nothing secret before you know which"
        )


class RelayRefusedError(ClientError):
    """The relay said no.

    Args:
        name: the wire name of the relay's error code (``invalid-code``, ``wait``, ...).
        sentence: what it means, for people.
        detail: the fact that came with it (seconds to wait, ...), if any.
    """

    def __init__(self, name: str, sentence: str, detail: object = None) -> None:
        super().__init__(sentence)
        self.name = name
        self.detail = detail


class RelayKeyError(ClientError):
    """Whoever answers at the relay's address does not hold the key that was pinned for it."""

    name = "wrong-relay-key"

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the relay at {place} does not hold the key that this home has pinned;"
            " either it is another relay, or somebody is in between"
        )


class NotConnectedError(ClientError):
    """The relay cannot be reached at the moment."""

    name = "not-connected"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"the relay at {place} cannot be reached: {reason}")
        self.reason = reason


class RequestTimeoutError(ClientError):
    """The relay did not answer a request in time; it may still have acted on it."""

    name = "no-answer"

    def __init__(self) -> None:
        super().__init__("the relay did not answer in time")


class PhoneFailedError(ClientError):
    """The phone's own parts failed too often to go on; nothing that was accepted or received is lost."""

    name = "phone-failed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"this phone has stopped by itself: {reason}")
        self.reason = reason
