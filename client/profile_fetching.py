"""Fetches a profile from the relay and opens it: somebody else's, or our own from another device.

Functions and no actor: whoever wants to show a profile asks for it, waits or does not, and may be cancelled
at any moment; nothing is half stored.
"""

import logging

from client.connection_handle import ConnectionHandle
from client.errors import RelayRefusedError
from client.profiles import PeerProfile, Profiles
from protocol.codes import code_name, code_sentence
from protocol.e2e import BadProfileError, ProfileDetails
from protocol.e2e.profile import open_details, open_picture
from protocol.ids import UserId
from protocol.stanzas import Failed, FetchProfile, Profile

log = logging.getLogger("roost.client")


async def refresh_profile(
    profiles: Profiles, connection: ConnectionHandle, user: UserId
) -> PeerProfile | None:
    """See whether there is a newer profile of somebody, and learn it; None if they never let us see one.

    What cannot be opened (sealed with a key that we have not, or damaged) changes nothing: what was known
    stays, until their next message brings the new key.

    Raises:
        RequestTimeoutError: there is no connection, or no answer.
        RelayRefusedError: the relay wants to be asked later.
    """
    known = profiles.of(user)
    if known is None:
        return None
    # With a new key everything is fetched again, whatever the version was that the old one opened.
    version = known.version if known.checked_at else 0
    piece = await _fetch(connection, user, 0, version)
    if piece.version == 0:
        profiles.forget(user)
    elif piece.version == version:
        profiles.checked(user)
    else:
        await _learn(profiles, connection, user, known, piece)
    return profiles.of(user)


async def refresh_own_profile(profiles: Profiles, connection: ConnectionHandle, user: UserId) -> None:
    """See whether another device of this account has changed the profile, and learn it.

    What is not at the relay yet stands; so does what cannot be opened, because the other device has changed
    the key, and what the relay says it has not.

    Raises:
        RequestTimeoutError: there is no connection, or no answer.
        RelayRefusedError: the relay wants to be asked later.
    """
    own = profiles.own()
    if own is None or not own.version or own.is_due:
        return
    piece = await _fetch(connection, user, 0, own.version)
    if piece.version in (0, own.version):
        return
    try:
        details = open_details(own.key, user, piece.version, piece.data)
        picture = await _picture(connection, user, own.key, piece.version, details)
    except BadProfileError as error:
        log.info("own_profile_unreadable", extra={"reason": str(error)})
    else:
        profiles.learn_own(own.version, piece.version, details, picture)


async def _learn(
    profiles: Profiles, connection: ConnectionHandle, user: UserId, known: PeerProfile, piece: Profile
) -> None:
    try:
        details = open_details(known.key, user, piece.version, piece.data)
        picture = await _picture(connection, user, known.key, piece.version, details)
    except BadProfileError as error:
        log.info("profile_unreadable", extra={"user": f"{user:016x}", "reason": str(error)})
        profiles.checked(user)
    else:
        profiles.learn(user, piece.version, details, picture)


async def _picture(
    connection: ConnectionHandle, user: UserId, key: bytes, version: int, details: ProfileDetails
) -> bytes | None:
    if not details.picture_bytes:
        return None
    pieces = [await _fetch(connection, user, number, 0) for number in details.picture_pieces]
    if any(piece.version != version for piece in pieces):
        raise BadProfileError("it was changed while it was fetched")
    return open_picture(key, user, version, details, [piece.data for piece in pieces])


async def _fetch(connection: ConnectionHandle, user: UserId, piece: int, version: int) -> Profile:
    answer = await connection.request(lambda request: FetchProfile(request, user, piece, version))
    if isinstance(answer, Failed):
        raise RelayRefusedError(code_name(answer.code), code_sentence(answer.code), answer.detail)
    assert isinstance(answer, Profile)  # the request's number is that of a FetchProfile
    return answer
