"""Faults: the disk returns something else than was written. It has to be found, and a backup has to help.

A node that is stopped accepts nothing, so a backup of its store has everything: whatever is done to the store
then, a restore has to bring all of it back.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import trio

from faults.real.arena import Arena
from faults.real.damage import DAMAGES
from faults.real.fault import Broken, Fault, Stroke
from faults.real.node import SOURCE, NodeProcess

COMMAND_SECONDS = 60.0
TRIED_SECONDS = 30.0
"""For which a node is left to itself on a damaged store."""

TRACEBACK = "Traceback"


async def _corruption(kind: str, arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    status = await node.stop()
    if status:
        raise Broken(f"the node ended with status {status} when it was asked to")
    with tempfile.TemporaryDirectory(dir=arena.folder) as folder:
        backup = Path(folder) / "backup"
        await _roost("backup", "--data", str(node.data), "--to", str(backup))
        number = stroke.random.randrange(node.worker_count)
        damage = partial(DAMAGES[kind], node.data, number, stroke.random)
        told = await trio.to_thread.run_sync(damage)
        try:
            found = await _diagnosis(node.data)
            outcome = await _try_to_serve(node, Path(folder) / "damaged", arena)
        finally:
            await _roost("restore", "--from", str(backup), "--data", str(node.data), "--force")
            # What was replaced is damaged, and nobody will look at it.
            shutil.rmtree(node.data / "backups")
    healed = await _doctor(node.data)
    if _problems(healed):
        raise Broken(f"after the restore the doctor still says: {_problems(healed)[0]}")
    await node.start()
    return f"{told} of environment {number}; the doctor: {found}; a node on it: {outcome}; restored"


async def _diagnosis(data: Path) -> str:
    """What the doctor says of a damaged store. Raises Broken if he finds nothing."""
    problems = _problems(await _doctor(data))
    if not problems:
        raise Broken("the doctor finds nothing wrong with a damaged store")
    return problems[0]


async def _doctor(data: Path) -> dict[str, Any]:
    done = await _run("doctor", "--data", str(data), "--json")
    if TRACEBACK in done.stderr.decode() or done.returncode not in (0, 1):
        raise Broken(f"the doctor ended with {done.returncode}: {done.stderr.decode().strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _problems(report: dict[str, Any]) -> list[str]:
    """What the doctor says that is wrong with the store; the machine is as it is."""
    of_the_store = ("pages", "rows", "directory", "store", "secrets")
    return [
        f"{finding['check']}: {finding['seen']}"
        for finding in report["findings"]
        if finding["verdict"] == "problem" and finding["check"] in of_the_store
    ]


async def _try_to_serve(node: NodeProcess, folder: Path, arena: Arena) -> str:
    """Start a node on a copy of the damaged store, at an address that nobody knows; how it goes, in words.

    It may refuse, serve what is whole, or die of it; what it says has to be for people.
    """
    tried = NodeProcess(folder, workers=node.worker_count, minder=arena.watcher)
    shutil.copytree(node.data, tried.data, ignore=shutil.ignore_patterns("volatile", "backups"))
    outcome = f"it came to nothing within {TRIED_SECONDS:.0f} s"
    try:
        with trio.move_on_after(TRIED_SECONDS):
            try:
                await tried.start()
                outcome = "it served what is whole"
                await tried.stop()
            except Broken as refused:
                outcome = f"refused ({_sentence(str(refused))})"
    finally:
        await tried.close()
    if TRACEBACK in tried.log.read_text(errors="replace"):
        raise Broken(f"a node on a damaged store answers with a traceback: {tried.last_words()}")
    return outcome


def _sentence(words: str) -> str:
    """The last line of somebody's last words."""
    return words.strip().splitlines()[-1].strip()


async def _roost(*words: str) -> None:
    """Run a command that has to succeed. Raises Broken."""
    done = await _run(*words)
    if done.returncode:
        raise Broken(f"roost {words[0]} ended with {done.returncode}: {done.stderr.decode().strip()}")


async def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    with trio.fail_after(COMMAND_SECONDS):
        return await trio.run_process(
            [sys.executable, "-m", "roost", *words],
            cwd=SOURCE,
            stdin=subprocess.DEVNULL,
            check=False,
            capture_stdout=True,
            capture_stderr=True,
        )


def _fault(kind: str, name: str, point: str) -> Fault:
    return Fault(
        name=name,
        point=f"{point}, after a backup of the stopped node",
        promise="The doctor finds it and says where; a node on it does not serve it as if it were whole; a "
        "restore of the backup brings everything back.",
        strike=partial(_corruption, kind),
        weight=2,
    )


FAULTS = (
    _fault("value", "damaged value", "A bit flips in the value of any row of the store"),
    _fault("key", "damaged key", "A bit flips in the key of any row of the store"),
    _fault("branch", "damaged branch pages", "The pages that lead to others hold something else"),
    _fault("meta", "damaged meta pages", "The first two pages of the store hold something else"),
    _fault("cut short", "file cut short", "The store's file ends anywhere before its end"),
)
