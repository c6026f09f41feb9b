"""What a device may ask the relay for about its whole account: what is kept of it, and another number.

Functions and no actor, as in requests.py, whose table these are a part of.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from protocol import (
    AccountPage,
    ChangeNumber,
    CodeSent,
    ErrorCode,
    FetchAccount,
    NumberChanged,
    RequestNumberCode,
    Stanza,
)
from relay.account_export import export_page
from relay.asker import Asker
from relay.errors import RefusalError
from relay.number_change import check_may_change
from relay.registration import RegistrationHandle


async def _fetch_account(asker: Asker, request: FetchAccount) -> AccountPage:
    assert asker.device is not None  # the protocol lets no stranger ask
    user = asker.device.user
    asker.worker.limits.check_export(user, trio.current_time())
    rows, following = export_page(asker.worker, user, request.begin)
    return AccountPage(request.request, rows, following)


async def _request_number_code(asker: Asker, request: RequestNumberCode) -> CodeSent:
    """A code to a number that an account is to have; as for one that registers."""
    assert asker.device is not None  # nor this
    worker = asker.worker
    with worker.environment.read() as reader:
        if check_may_change(reader, asker.device) == request.phone:
            raise RefusalError(ErrorCode.ALREADY_REGISTERED)
    worker.limits.check_code(asker.remote, trio.current_time())
    resend, expires = await RegistrationHandle(worker).send_code(request.phone, request.via)
    return CodeSent(request.request, resend, expires)


async def _change_number(asker: Asker, request: ChangeNumber) -> NumberChanged:
    assert asker.device is not None  # nor this
    asker.worker.limits.check_change(asker.device.user, trio.current_time())
    await RegistrationHandle(asker.worker).change_number(asker.device, request.phone, request.code)
    return NumberChanged(request.request)


# {request: who answers it}
ANSWERS: dict[type, Callable[[Asker, Any], Awaitable[Stanza]]] = {
    FetchAccount: _fetch_account,
    RequestNumberCode: _request_number_code,
    ChangeNumber: _change_number,
}
