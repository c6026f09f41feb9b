"""Any stanza, as a type."""

from typing import TypeAlias

from protocol.stanzas.account import (
    AccountDeleted,
    AccountPage,
    ChangeNumber,
    ChangeSettings,
    DeleteAccount,
    FetchAccount,
    FetchProfile,
    NumberChanged,
    PinSet,
    Profile,
    ProfileStored,
    RequestNumberCode,
    SetPin,
    Settings,
    StoreProfile,
)
from protocol.stanzas.devices import (
    AccountLeft,
    AnswerLink,
    CancelLink,
    ClaimLink,
    CompleteLink,
    ConfirmLink,
    DevicesPublished,
    LeaveAccount,
    LinkClaimed,
    LinkOpened,
    LinkState,
    OpenLink,
    PollLink,
    PublishDevices,
)
from protocol.stanzas.everyday import (
    Accepted,
    Ack,
    Available,
    Bind,
    Deliver,
    Delivered,
    Error,
    Expired,
    Paused,
    Ping,
    Pong,
    Presence,
    Read,
    Refused,
    Send,
    Subscribe,
    Typing,
    Unavailable,
    Unsubscribe,
)
from protocol.stanzas.groups import (
    AppendEntries,
    DismissJoins,
    EntriesAppended,
    FetchGroupProgress,
    FetchJoinRequests,
    FetchLog,
    GroupProgress,
    JoinAsked,
    JoinRequested,
    JoinRequests,
    JoinsDismissed,
    Log,
    RequestJoin,
    SendGroup,
)
from protocol.stanzas.session import (
    Bundles,
    CodeSent,
    Done,
    Failed,
    FetchBundles,
    FetchProgress,
    Found,
    Lookup,
    Progresses,
    Register,
    Registered,
    RequestCode,
    TestCrash,
    UploadPrekeys,
    Welcome,
)

Tick: TypeAlias = Accepted | Delivered | Read
"""What a relay says of all messages of a chat up to a number."""

Stanza: TypeAlias = (
    Ping | Pong | Ack | Accepted | Delivered | Read | Typing | Paused | Send | Deliver | Refused | Bind
    | Error | Failed | Expired | Welcome | RequestCode | CodeSent | Register | Registered | UploadPrekeys
    | Done | FetchBundles | Bundles | Lookup | Found | FetchProgress | Progresses | TestCrash | Presence
    | Subscribe | Unsubscribe | Available | Unavailable | ChangeSettings | Settings | StoreProfile
    | ProfileStored | FetchProfile | Profile | SetPin | PinSet | DeleteAccount | AccountDeleted
    | FetchAccount | AccountPage | RequestNumberCode | ChangeNumber | NumberChanged
    | PublishDevices | DevicesPublished | LeaveAccount | AccountLeft | OpenLink | LinkOpened | ClaimLink
    | LinkClaimed | AnswerLink | ConfirmLink | PollLink | LinkState | CompleteLink | CancelLink
    | SendGroup | AppendEntries | EntriesAppended | FetchLog | Log | FetchGroupProgress | GroupProgress
    | RequestJoin | JoinRequested | FetchJoinRequests | JoinRequests | DismissJoins | JoinsDismissed
    | JoinAsked
)  # fmt: skip
