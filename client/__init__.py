"""A phone: an account in a folder, its keys and messages, and the line to its relay.

Start with ``open_phone`` (phone.py) and ``open_application`` (registration.py); the tree of actors behind
them is in tree.py, everything that lasts in store.py, the commands in client/cli.
"""

from client.errors import ClientError
from client.events import ConnectionChanged, Connectivity, MessageReceived, TickChanged, TypingChanged
from client.phone import Phone, open_phone
from client.phone_numbers import checked_number
from client.records import Account, HistoryEntry, MessageState
from client.registration import Applicant, Application, open_application
from client.relay_url import RelayUrl, parse_relay_url

__all__ = [
    "Account",
    "Applicant",
    "Application",
    "ClientError",
    "ConnectionChanged",
    "Connectivity",
    "HistoryEntry",
    "MessageReceived",
    "MessageState",
    "Phone",
    "RelayUrl",
    "TickChanged",
    "TypingChanged",
    "checked_number",
    "open_application",
    "open_phone",
    "parse_relay_url",
]
