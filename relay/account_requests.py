"""What a device may ask the relay for about its whole account: all that is kept of it.

Functions and no actor, as in requests.py, whose table these are a part of.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from protocol import AccountPage, FetchAccount, Stanza
from relay.account_export import export_page
from relay.asker import Asker


async def _fetch_account(asker: Asker, request: FetchAccount) -> AccountPage:
    assert asker.device is not None  # the protocol lets no stranger ask
    user = asker.device.user
    asker.worker.limits.check_export(user, trio.current_time())
    rows, following = export_page(asker.worker, user, request.begin)
    return AccountPage(request.request, rows, following)


# {request: who answers it}
ANSWERS: dict[type, Callable[[Asker, Any], Awaitable[Stanza]]] = {
    FetchAccount: _fetch_account,
}
