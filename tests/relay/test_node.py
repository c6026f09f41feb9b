"""What the parent holds: opened in order, closed in reverse, and refused with a clear word."""

import base64
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import KeyPair
from relay.assignment import decode
from relay.config import Config, HostPort
from relay.errors import AddressInUseError, ConfigError
from relay.node import open_node, relay_address
from storage import DataFolderInUseError


def config_in(folder: Path) -> Config:
    return replace(Config(), data=folder, listen=HostPort("127.0.0.1", 0), admin=None, workers=2)


def silent(_line: str) -> None: ...


async def test_an_open_node_has_a_place_for_each_worker(tmp_path: Path) -> None:
    async with open_node(config_in(tmp_path), silent, ["--log", "json"]) as node:
        assert [post.name for post in node.crew] == ["worker-0", "worker-1"]
        assert [decode(command.input).number for command in node.commands] == [0, 1]
        assert node.address.startswith("roost://127.0.0.1:")
        place = node.port.place
    with socket.socket() as again:
        again.bind(place)  # it has given the port back


async def test_its_key_stays_the_same(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        async with open_node(config_in(tmp_path), silent) as node:
            keys.append(node.address.split("#")[1])
    assert keys[0] == keys[1]


async def test_a_folder_has_one_node(tmp_path: Path) -> None:
    async with open_node(config_in(tmp_path), silent):
        with pytest.raises(DataFolderInUseError):
            async with open_node(config_in(tmp_path), silent):
                pass


async def test_a_backup_is_not_run_in_place(tmp_path: Path) -> None:
    (tmp_path / "backup.json").write_text("{}")
    with pytest.raises(ConfigError, match="roost restore"):
        async with open_node(config_in(tmp_path), silent):
            pass


async def test_a_port_that_is_taken_leaves_the_folder_free_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = replace(config_in(tmp_path), listen=HostPort(*other.getsockname()))
        with pytest.raises(AddressInUseError):
            async with open_node(taken, silent):
                pass
    async with open_node(config_in(tmp_path), silent):
        pass


def test_the_address_has_the_public_half_of_the_key() -> None:
    private = bytes(range(32))
    public = base64.urlsafe_b64encode(KeyPair.from_private_bytes(private).public).decode()
    assert relay_address(HostPort("::1", 5252), private) == f"roost://[::1]:5252#{public.rstrip('=')}"
