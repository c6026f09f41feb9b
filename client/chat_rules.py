"""What holds in a chat: how long its messages live, and whether they are to stay in it.

A rule comes as a message of the chat, from either side, and both obey the newest: by the time that it
carries, and between equal times by its id, so that both sides agree in whatever order the rules reach them.
Who changes a rule gives the change a later time than the rule that it changes (``moment``): a phone whose
clock is ahead cannot keep the other side from ever changing it again.
The kind of the chat does not matter here: ``chat`` is a user or a group.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from client.database import Database
from protocol.e2e import ChatTimer, Content, Message, Rule, Unknown
from protocol.e2e.content import MAX_SENT_AT
from protocol.ids import UserId

VIEW_ONCE_SECONDS = 14 * 86_400
"""How long a message to be viewed once waits for that: as WhatsApp's."""

_TIMER, _KEEP = 1, 2  # what a rule is about; the values are stored
_Content = TypeVar("_Content", bound=Content)


@dataclass(frozen=True, slots=True)
class ChatRules:
    """The rules of one chat."""

    life: int | None = None
    """Seconds that new messages live; None: they stay."""
    keep_here: bool = False
    """Somebody has asked that nothing is forwarded or exported from it."""


class ChatRulebook:
    """The table ``chat_rules``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, chat: UserId | None) -> ChatRules:
        """What holds in a chat; with somebody who has yet to be found, nothing does."""
        rows = self._database.rows("SELECT topic, value FROM chat_rules WHERE chat = ?", chat)
        values = {row["topic"]: row["value"] for row in rows}
        return ChatRules(values.get(_TIMER) or None, bool(values.get(_KEEP)))

    def kept(self) -> dict[UserId, None]:
        """The chats from which nothing is to be forwarded or exported."""
        rows = self._database.rows("SELECT chat FROM chat_rules WHERE topic = ? AND value = 1", _KEEP)
        return {UserId(row["chat"]): None for row in rows}

    def note(self, chat: UserId, rule: Rule) -> None:
        """Somebody in the chat has said it. Only inside a transaction."""
        self._database.execute(
            "INSERT INTO chat_rules (chat, topic, value, sent_at, id) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (chat, topic) DO UPDATE"
            " SET value = excluded.value, sent_at = excluded.sent_at, id = excluded.id"
            " WHERE (excluded.sent_at, excluded.id) > (sent_at, id)",
            chat,
            *_topic_and_value(rule),
            rule.sent_at,
            rule.id,
        )

    def moment(self, chat: UserId, kind: type[Rule], now: int) -> int:
        """The time that a rule has to carry in order to hold from now on."""
        topic = _TIMER if kind is ChatTimer else _KEEP
        last = self._database.value(
            "SELECT sent_at FROM chat_rules WHERE chat = ? AND topic = ?", chat, topic
        )
        return now if last is None else min(max(now, last + 1), MAX_SENT_AT)

    def apply(self, chat: UserId | None, content: _Content) -> _Content:
        """What goes out to a chat, with the life that messages have there."""
        life = self.of(chat).life
        if life is None or not isinstance(content, Message | Unknown):
            return content
        shorter = min(life, content.marks.life or life)
        return replace(content, marks=replace(content.marks, life=shorter))


def _topic_and_value(rule: Rule) -> tuple[int, int]:
    return (_TIMER, rule.seconds) if isinstance(rule, ChatTimer) else (_KEEP, rule.on)
