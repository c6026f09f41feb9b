"""See it all without typing: two phones talk through a relay node that is killed and comes back.

  roost demo            two phones, one of them offline for a while, and a node that is killed
  roost demo --people   four people: a companion, a group, a number that is taken over, security codes

Everything is real: the node and every phone command run as processes of their own, over TCP, with their
files in a temporary folder that is removed at the end. The last line is the verdict; the exit status is 0 if
every accepted message arrived exactly once and in order, and 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from roost.people_demo import PeopleStory
from roost.stage import DemoFailedError, Stage, command_line, open_folder, spawn

# German numbers that are set aside for films: nobody owns them.
ANNA_PHONE = "+491713920001"
BEN_PHONE = "+491713920002"

START_SECONDS = 60.0  # a first start compiles Python files; a second one takes well under a second
COMMAND_SECONDS = 60.0  # no single command of the story takes nearly as long
STOP_SECONDS = 10.0
DOWN_SECONDS = 1.0  # how long the node stays dead, so that the phones notice

BURST = [f"message {number} of 100" for number in range(1, 101)]
KILL_AFTER = 20  # ticks of the burst that Anna has seen when the node is killed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--people` and `--keep`."""
    parser.add_argument("--people", action="store_true", help="the story of four people and their devices")
    parser.add_argument("--keep", action="store_true", help="keep the temporary folder and say where it is")


def run(args: argparse.Namespace) -> int:
    """Tell the story.

    Returns:
        0 if nothing accepted was lost, doubled or reordered; 1 if something was, or a step failed.
    """
    with open_folder(keep=args.keep) as folder:
        if args.people:
            return tell_people(folder)
        demo = Demo(folder)
        try:
            lost = demo.tell()
        except (DemoFailedError, subprocess.TimeoutExpired) as error:
            print(f"\nFAILED: {error}")
            return 1
        finally:
            demo.end()
    return lost


def tell_people(folder: Path) -> int:
    """Tell the other story, in this folder; 0 if all of it is so."""
    story = PeopleStory(Stage(folder, partial(print, flush=True)))
    try:
        story.tell()
    except (DemoFailedError, subprocess.TimeoutExpired) as error:
        print(f"\nFAILED: {error}")
        return 1
    finally:
        story.end()
    print("\nOK: all of it is so.")
    return 0


@dataclass(slots=True)
class Demo:
    """The story's cast (one node, two phones) and its scenes, one method each, in the order of `tell`."""

    folder: Path
    started_at: float = field(default_factory=time.monotonic)
    relay: str = ""
    """The node's address with its key, once it has been started."""
    node: subprocess.Popen[str] | None = None
    ear: subprocess.Popen[str] | None = None
    """Ben's `roost listen`, while he is online."""
    heard: list[str] = field(default_factory=list)
    """What Ben's phone has shown, in order."""
    accepted: list[str] = field(default_factory=list)
    """What the relay told Anna it has accepted, in order."""

    def tell(self) -> int:
        """All scenes; returns the exit status."""
        self._start_node_for_the_first_time()
        self._register()
        self._talk_both_ways()
        self._write_to_somebody_who_is_offline()
        self._kill_the_node_in_the_middle_of_a_burst()
        self._come_back()
        return self._verdict()

    def end(self) -> None:
        """Stop whatever still runs. Never raises for a process that is gone already."""
        for process in (self.ear, self.node):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    # ---- scenes ----

    def _start_node_for_the_first_time(self) -> None:
        self._start_node("127.0.0.1:0")
        self._say(f"A relay node runs: {self.relay}")

    def _register(self) -> None:
        for name, phone in (("anna", ANNA_PHONE), ("ben", BEN_PHONE)):
            self._roost(
                *("register", "--home", str(self.folder / name), "--relay", self.relay),
                *("--phone", phone, "--code-from", str(self.folder / "sms.jsonl"), "--json"),
            )
            self._say(f"{name.capitalize()} registered {phone} with the code that came by SMS (a file here)")

    def _talk_both_ways(self) -> None:
        self._ben_listens()
        self._anna_sends("Hello Ben, are you there?", until="read")
        self._say("Anna → Ben  'Hello Ben, are you there?'  ✓ accepted  ✓✓ delivered  and read")
        self._ben_hears(1)
        self._ben_leaves()
        self._roost(
            "send", "--home", str(self.folder / "ben"), "--to", ANNA_PHONE, "Hello Anna, I am.", "--json"
        )
        received = self._listen("anna", count=1)
        if [event["text"] for event in received] != ["Hello Anna, I am."]:
            raise DemoFailedError(f"Anna should have read Ben's answer, but saw {received}")
        self._say("Ben → Anna  'Hello Anna, I am.'  ✓ accepted; Anna came online and read it")

    def _write_to_somebody_who_is_offline(self) -> None:
        self._say("Ben's phone is offline now")
        for text in ("You are away,", "so the relay keeps this for you."):
            state = self._anna_sends(text)
            self._say(f"Anna → Ben  '{text}'  {_tick(state)} {state}: on the relay's disk, not yet with Ben")

    def _kill_the_node_in_the_middle_of_a_burst(self) -> None:
        self._say(f"Anna's chat writes {len(BURST)} messages at once; meanwhile the node is killed")
        chat = spawn("chat", "--home", str(self.folder / "anna"), "--with", BEN_PHONE)
        assert chat.stdin is not None
        assert chat.stdout is not None
        chat.stdin.write("".join(f"{text}\n" for text in BURST))
        chat.stdin.flush()
        ticked = _read_ticks(chat.stdout, KILL_AFTER)
        self._kill_node(ticked)
        time.sleep(DOWN_SECONDS)
        self._restart_node()
        _read_ticks(chat.stdout, len(BURST) - ticked)
        chat.communicate(timeout=COMMAND_SECONDS)
        self.accepted += BURST
        self._say(f"All {len(BURST)} are ✓ accepted: Anna's phone connected again and went on by itself")

    def _come_back(self) -> None:
        self._say("Ben's phone comes back")
        waiting = len(self.accepted) - len(self.heard)
        self.heard += [str(event["text"]) for event in self._listen("ben", count=waiting)]
        self._say(f"Ben received the {waiting} messages that waited for him")
        # One more look, for anything that would be shown twice.
        extra = self._listen("ben", count=1, timeout=1.5)
        self.heard += [str(event["text"]) for event in extra]

    def _verdict(self) -> int:
        seconds = time.monotonic() - self.started_at
        if self.heard == self.accepted:
            count = len(self.accepted)
            print(f"\nOK: {count} accepted, {count} received, each once and in order ({seconds:.0f} s).")
            return 0
        lost = [text for text in self.accepted if text not in self.heard]
        print(f"\nLOST OR DOUBLED: accepted {self.accepted}, received {self.heard}, lost {lost}")
        return 1

    # ---- the node ----

    def _start_node(self, listen: str) -> None:
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        with (self.folder / "node.log").open("a") as log:
            self.node = subprocess.Popen(
                command_line(
                    *(
                        "serve",
                        "--listen",
                        listen,
                        "--admin",
                        "127.0.0.1:0",
                        "--data",
                        str(self.folder / "node"),
                    ),
                    *("--sms", f"file:{self.folder / 'sms.jsonl'}", "--ready-file", str(ready)),
                ),
                stdout=log,
                stderr=log,
                text=True,
            )
        self.relay = str(self._wait_ready(self.node, ready)["relay"])

    def _wait_ready(self, node: subprocess.Popen[str], ready: Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if node.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "node.log").read_text()
                raise DemoFailedError(f"the node did not start; its log says:\n{log[-2000:]}")
            time.sleep(0.05)
        data: dict[str, Any] = json.loads(ready.read_text())
        return data

    def _kill_node(self, ticked: int) -> None:
        assert self.node is not None
        os.kill(self.node.pid, signal.SIGKILL)
        status = self.node.wait(STOP_SECONDS)
        self._say(f"kill -9 {self.node.pid}: the node is dead (exit status {status}), {ticked} were ✓ so far")

    def _restart_node(self) -> None:
        address = self.relay.removeprefix("roost://").split("#")[0]
        self._start_node(address)
        self._say("The node is started again on the same folder")

    # ---- the phones ----

    def _anna_sends(self, text: str, until: str = "accepted") -> str:
        return self._finish_send(self._spawn_send(text, until), text)

    def _spawn_send(self, text: str, until: str = "accepted") -> subprocess.Popen[str]:
        return spawn(
            *("send", "--home", str(self.folder / "anna"), "--to", BEN_PHONE, text),
            *("--until", until, "--timeout", "30", "--json"),
        )

    def _finish_send(self, sending: subprocess.Popen[str], text: str) -> str:
        """Wait for a send; remember the text as accepted, because status 0 is the relay's promise."""
        out, err = sending.communicate(timeout=COMMAND_SECONDS)
        if sending.returncode != 0:
            raise DemoFailedError(f"roost send ended with {sending.returncode}: {err.strip()}")
        self.accepted.append(text)
        return str(json.loads(out)["state"])

    def _ben_listens(self) -> None:
        self.ear = spawn("listen", "--home", str(self.folder / "ben"), "--json")

    def _ben_hears(self, count: int) -> None:
        assert self.ear is not None
        assert self.ear.stdout is not None
        wanted = len(self.heard) + count
        while len(self.heard) < wanted:
            line = self.ear.stdout.readline()
            if not line:
                raise DemoFailedError("Ben's phone stopped listening by itself")
            event = json.loads(line)
            if event["event"] == "message":
                self.heard.append(str(event["text"]))

    def _ben_leaves(self) -> None:
        assert self.ear is not None
        self.ear.terminate()
        self.ear.communicate(timeout=STOP_SECONDS)
        self.ear = None

    def _listen(self, name: str, count: int, timeout: float = 30.0) -> list[dict[str, Any]]:
        """What a phone is shown; fewer than `count` if the time was up."""
        process = spawn(
            *("listen", "--home", str(self.folder / name), "--count", str(count)),
            *("--timeout", str(timeout), "--json"),
        )
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        if process.returncode not in (0, 4):
            raise DemoFailedError(f"roost listen ended with {process.returncode}: {err.strip()}")
        events = [json.loads(line) for line in out.splitlines()]
        return [event for event in events if event["event"] == "message"]

    def _roost(self, *words: str) -> None:
        process = spawn(*words)
        _, err = process.communicate(timeout=COMMAND_SECONDS)
        if process.returncode != 0:
            raise DemoFailedError(f"roost {words[0]} ended with {process.returncode}: {err.strip()}")

    def _say(self, line: str) -> None:
        print(f"{time.monotonic() - self.started_at:5.1f} s  {line}", flush=True)


def _read_ticks(lines: IO[str], count: int) -> int:
    """Read what a chat prints until `count` messages are ticked; returns how many were."""
    ticked = 0
    while ticked < count:
        line = lines.readline()
        if not line:
            raise DemoFailedError("Anna's chat ended by itself")
        ticked += line.startswith("· ✓ ")
    return ticked


def _tick(state: str) -> str:
    return {"accepted": "✓", "delivered": "✓✓", "read": "✓✓"}.get(state, "🕓")
