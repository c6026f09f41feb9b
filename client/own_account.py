"""What a person does with the account itself, at the relay and nowhere else: its PIN, what is kept, its end.

Not here: profile, privacy and blocks, which are kept here too and brought to the relay when there is a
connection (account_sync.py). A PIN is kept nowhere on this device: it is for whoever has only the number.
"""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from client.connection_handle import ConnectionHandle
from client.errors import RelayRefusedError, RequestTimeoutError
from client.requests import BuildRequest, RelayAnswer
from protocol.codes import ErrorCode, code_name, refusal_sentence
from protocol.stanzas import (
    AccountPage,
    ChangeNumber,
    CodeRoute,
    DeleteAccount,
    Failed,
    FetchAccount,
    RequestNumberCode,
    SetPin,
    Stanza,
)


class OwnAccount:
    """The account of this phone. All of it needs a connection.

    Raises, all of it:
        RelayRefusedError: the relay said no.
        RequestTimeoutError: there is no connection, or no answer; it may have been done all the same.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: ConnectionHandle) -> None:
        self._connection = connection

    async def set_pin(self, pin: str) -> None:
        """Have the relay ask for this PIN when the number is registered anew."""
        await self._ask(lambda request: SetPin(request, pin))

    async def remove_pin(self) -> None:
        """Have it ask for none any more."""
        await self._ask(lambda request: SetPin(request, ""))

    async def delete(self, phone: str) -> None:
        """Have the relay forget the account of this number, for ever; this phone is logged out by it."""
        await self._ask(lambda request: DeleteAccount(request, phone))

    async def request_number_code(self, phone: str, via: CodeRoute) -> bool:
        """Have a code sent to the number that the account is to have; False if it has that number already."""
        try:
            await self._ask(lambda request: RequestNumberCode(request, phone, via))
        except RelayRefusedError as refusal:
            if refusal.name != ErrorCode.ALREADY_REGISTERED.wire_name:
                raise
            return False
        return True

    async def change_number(self, phone: str, code: str) -> None:
        """Let the account have this number; asked again after it was done, it is done."""
        await self._ask(lambda request: ChangeNumber(request, phone, code))

    async def export(self) -> AsyncIterator[list[tuple[str, Any]]]:
        """Everything that the relay keeps of the account, page by page: names of tables, and rows of them."""
        begin = b""
        while True:
            page = await self._ask(partial(_page_from, begin))
            if not isinstance(page, AccountPage):
                raise RequestTimeoutError
            yield [(row.table, json.loads(row.facts)) for row in page.rows]
            begin = page.next
            if not begin:
                return

    async def _ask(self, build: BuildRequest) -> RelayAnswer:
        answer = await self._connection.request(build)
        if isinstance(answer, Failed):
            sentence = refusal_sentence(answer.code, answer.detail)
            raise RelayRefusedError(code_name(answer.code), sentence, answer.detail)
        return answer


def _page_from(begin: bytes, request: int) -> Stanza:
    return FetchAccount(request, begin)
