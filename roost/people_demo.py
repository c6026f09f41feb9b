"""Four people, line by line: a companion, a group, a removal, a number that is taken over, security codes.

Everything is real, as in demo.py: a node of two workers and every command as processes of their own. Each
scene checks what it tells; the first thing that is not so ends the story.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from roost.stage import DemoFailedError, Ear, Stage

# German numbers that are set aside for films: nobody owns them.
NUMBERS = {
    "Anna": "+491713920001",
    "Ben": "+491713920002",
    "Carla": "+491713920003",
    "Dora": "+491713920004",
}
TABLET = "Ben's tablet"
NEW_PHONE = "Dora's new phone"
GROUP = "Friends"
PIN, WRONG_PIN = "271828", "314159"
LIFE = "20s"
SWEPT_SECONDS = 120.0  # its life, and the minute after which a small node looks through its queues again


class PeopleStory:
    """The cast, and its scenes, one method each, in the order of ``tell``."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._ears: dict[str, Ear] = {}

    def tell(self) -> None:
        """All scenes.

        Raises:
            DemoFailedError: something is not as the story says.
        """
        self._register()
        self._link_a_companion()
        self._make_a_group()
        self._talk_from_all_devices()
        self._compare_codes()
        self._remove_somebody()
        self._take_a_number_over()
        self._have_a_message_disappear()

    def end(self) -> None:
        """Stop whatever still runs."""
        for ear in self._ears.values():
            ear.close()
        self._stage.stop_node()

    # ---- scenes ----

    def _register(self) -> None:
        self._stage.start_node(workers=2)
        self._say(f"A relay node of two workers runs: {self._stage.relay}")
        for name, number in NUMBERS.items():
            code_from = ("--code-from", str(self._stage.sms))
            self._do(name, "register", "--relay", self._stage.relay, "--phone", number, *code_from)
        self._say(f"{', '.join(NUMBERS)} have registered, each with a code that came by SMS (a file here)")

    def _link_a_companion(self) -> None:
        ear = Ear(TABLET, "link", "--home", self._home(TABLET), "--relay", self._stage.relay)
        self._ears[TABLET] = ear
        shown = ear.next(lambda said: "text" in said, "a link")
        device = self._do("Ben", "devices", "link", str(shown["text"]))[0]
        ear.next(lambda said: "device" in said, "its account")
        self._close(TABLET)
        self._say(f"Ben has scanned the QR code of his tablet, now device {device['device']} of his account")

    def _make_a_group(self) -> None:
        others = [number for name, number in NUMBERS.items() if name != "Anna"]
        self._do("Anna", "group", "create", "--name", GROUP, *others)
        for name in (*NUMBERS, TABLET):
            self._listen(name)
        self._say(f"Anna has made the group {GROUP!r} of the four")

    def _talk_from_all_devices(self) -> None:
        self._says_to_group("Anna", "Hello to all four", heard_by=("Ben", TABLET, "Carla", "Dora"))
        self._says_to_group(TABLET, "Hello from the tablet", heard_by=("Anna", "Carla", "Dora"))
        self._has_sent("Ben", "Hello from the tablet")
        self._says_to("Anna", "Ben", "Are you at home?", heard_by=("Ben", TABLET))
        self._says_to(TABLET, "Anna", "Yes, on the sofa", heard_by=("Anna",))
        self._has_sent("Ben", "Yes, on the sofa")
        self._say("What the tablet says stands in the history of Ben's phone, too, as said by him")

    def _compare_codes(self) -> None:
        for name, other in (("Anna", "Ben"), ("Dora", "Anna")):
            self._says_to(name, other, f"I am {name}", heard_by=(other,))
            self._says_to(other, name, f"And I {other}", heard_by=(name,))
            shown = self._do(other, "verify", NUMBERS[name])[0]
            seen = self._do(name, "verify", NUMBERS[other], "--scan", str(shown["scan"]))[0]
            self._insist(seen["digits"] == shown["digits"], f"{name} and {other} see the same digits")
            digits = str(shown["digits"])[:10]
            self._say(f"{name} and {other} have compared their security code: {digits}... on both phones")
        self._do("Anna", "verify", NUMBERS["Dora"], "--confirm")

    def _remove_somebody(self) -> None:
        self._do("Anna", "group", "remove", GROUP, NUMBERS["Carla"])
        self._stage.until(lambda: self._standing("Carla") == "removed", "Carla knows that she was removed")
        self._says_to_group("Anna", "Now that we are three", heard_by=("Ben", TABLET, "Dora"))
        self._says_to("Anna", "Carla", "Sorry", heard_by=("Carla",))  # behind it, so it would have come
        texts = [entry.get("text") for entry in self._history("Carla")]
        self._insist("Now that we are three" not in texts, "Carla does not read on")
        error = self._stage.refused("Carla", "send", "--to", GROUP, "Wait!")
        self._insist(error == "not-a-member", f"Carla is refused as no member, not as {error}")
        self._say("Anna has removed Carla: she cannot read what is said now, nor write (not-a-member)")

    def _take_a_number_over(self) -> None:
        pin, wrong = self._pin_file("pin", PIN), self._pin_file("wrong-pin", WRONG_PIN)
        self._close("Dora")
        self._do("Dora", "pin", "set", "--pin-file", pin)
        old_phone = self._listen("Dora")
        self._say("Dora has set a PIN")
        register = ("register", "--relay", self._stage.relay, "--phone", NUMBERS["Dora"])
        code_from = ("--code-from", str(self._stage.sms))
        for extra, expected in (
            ((), "account-exists"),
            (("--take-over",), "pin-required"),
            (("--take-over", "--pin-file", wrong), "pin-wrong"),
        ):
            error = self._stage.refused(NEW_PHONE, *register, *code_from, *extra)
            self._insist(error == expected, f"a new phone with her code is told {expected}, not {error}")
            self._say(f"Somebody with her SIM card registers {' '.join(extra[:2])!r}: {error}")
        self._do(NEW_PHONE, *register, *code_from, "--take-over", "--pin-file", pin)
        status, _ = old_phone.ended()
        self._insist(status == 3, f"the old phone was logged out, with status {status}")
        self._say("With the PIN the number goes to the new phone; the old one is logged out, and says so")
        self._listen(NEW_PHONE)
        self._says_to_group("Ben", "Is Dora still there?", heard_by=("Anna",))
        self._says_to(NEW_PHONE, "Anna", "It is me, Dora", heard_by=("Anna",))
        kinds = [entry["kind"] for entry in self._history("Anna", "--with", NUMBERS["Dora"])]
        self._insist("security_code_changed" in kinds, "Anna is told that the code has changed")
        error = self._stage.refused("Anna", "send", "--to", NUMBERS["Dora"], "Are you?")
        self._insist(error == "security-code-changed", f"Anna's phone refuses to send, not {error}")
        self._say("Anna is told that Dora's security code has changed, and nothing is sent: it was compared")
        shown = self._do(NEW_PHONE, "verify", NUMBERS["Anna"])[0]
        self._do("Anna", "verify", NUMBERS["Dora"], "--scan", str(shown["scan"]))
        self._says_to("Anna", "Dora", "Now I believe you", heard_by=(NEW_PHONE,))
        self._says_to_group("Anna", "Dora is back", heard_by=("Ben", TABLET, NEW_PHONE))
        self._say("They compare anew: Anna's messages reach the new phone, those to the group as well")

    def _have_a_message_disappear(self) -> None:
        shown, never_shown = "This is gone soon", "And this, before you see it"
        self._do("Anna", "rules", NUMBERS["Ben"], "--disappear", LIFE)
        self._says_to("Anna", "Ben", shown, heard_by=("Ben", TABLET))
        self._stage.until(lambda: self._stage.queued() == 0, "everything was fetched")
        for name in ("Ben", TABLET):
            self._close(name)
        self._says_to("Anna", "Ben", never_shown, heard_by=())
        self._insist(self._stage.queued() >= 1, "the relay keeps it for Ben's devices, which are off")
        self._stage.until(
            lambda: self._stage.queued() == 0, "it is gone from the relay's queue", SWEPT_SECONDS
        )
        for name in ("Anna", "Ben", TABLET):
            self._stage.until(
                lambda name=name: not self._has(name, shown),  # type: ignore[misc] # mypy cannot type a default in a lambda
                f"it is gone from {name}'s disk",
            )
        for name in ("Ben", TABLET):
            self._listen(name)
        self._says_to("Anna", "Ben", "Did you see it?", heard_by=("Ben", TABLET))
        for name in ("Ben", TABLET):
            self._insist(not self._has(name, never_shown), f"{name} never shows it")
        self._say(f"Messages with a life of {LIFE}: gone from both phones, the tablet and the relay's queue")

    # ---- steps ----

    def _says_to_group(self, name: str, text: str, *, heard_by: tuple[str, ...]) -> None:
        self._send(name, GROUP, text, f"the group, says {text!r}", heard_by)

    def _says_to(self, name: str, to: str, text: str, *, heard_by: tuple[str, ...]) -> None:
        self._send(name, NUMBERS[to], text, f"{to}: {text!r}", heard_by)

    def _send(self, name: str, to: str, text: str, told: str, heard_by: tuple[str, ...]) -> None:
        self._do(name, "send", "--to", to, text)
        for other in heard_by:
            self._hear(other, text)
        heard = f"heard by {', '.join(heard_by)}" if heard_by else "kept by the relay"
        self._say(f"{name} → {told}  ✓ {heard}")

    def _hear(self, name: str, text: str) -> None:
        """Wait until a phone has been told."""
        if name in ("Ben", TABLET):  # whichever shows it first tells the other that it was seen
            self._stage.until(lambda: self._has(name, text), f"{name} has {text!r}")
        else:
            self._ears[name].text(text)

    def _has_sent(self, name: str, text: str) -> None:
        def is_there() -> bool:
            return any(
                entry.get("text") == text and entry["direction"] == "out" for entry in self._history(name)
            )

        self._stage.until(is_there, f"{name} has {text!r} as said by themselves")

    def _has(self, name: str, text: str) -> bool:
        return any(entry.get("text") == text for entry in self._history(name))

    def _history(self, name: str, *words: str) -> list[dict[str, Any]]:
        return self._do(name, "history", *words)

    def _group(self, name: str) -> dict[str, Any] | None:
        found = [group for group in self._do(name, "group", "list") if group["name"] == GROUP]
        return found[0] if found else None

    def _standing(self, name: str) -> str | None:
        group = self._group(name)
        return None if group is None else str(group["standing"])

    def _pin_file(self, name: str, pin: str) -> str:
        path: Path = self._stage.folder / name
        path.write_text(f"{pin}\n")
        path.chmod(0o600)
        return str(path)

    def _listen(self, name: str) -> Ear:
        ear = Ear(name, "listen", "--home", self._home(name))
        self._ears[name] = ear
        return ear

    def _close(self, name: str) -> None:
        self._ears.pop(name).close()

    def _home(self, name: str) -> str:
        return str(self._stage.home(name))

    def _do(self, name: str, *words: str) -> list[dict[str, Any]]:
        return self._stage.do(name, *words)

    def _insist(self, holds: bool, what: str) -> None:
        if not holds:
            raise DemoFailedError(f"it is not so that {what}")

    def _say(self, line: str) -> None:
        self._stage.say(line)
