"""ejabberd is started without its script, with what the script says about where its modules are."""

from pathlib import Path

from bench.peers.ejabberd import PEER, libraries
from bench.peers.peer import Place


def test_the_modules_are_where_the_script_says(tmp_path: Path) -> None:
    script = tmp_path / "ejabberdctl"
    script.write_text("#!/bin/bash\nERL_LIBS='/usr/lib/somewhere'\nERL_INETRC=x\n")
    assert libraries(script) == "/usr/lib/somewhere"
    assert libraries(tmp_path / "missing") == "/usr/lib/ejabberd"


def test_everything_is_in_the_folder_and_no_distribution_is_started(tmp_path: Path) -> None:
    place = Place(tmp_path, 5333)
    words = PEER.command(place, "/usr/sbin/ejabberdctl")
    assert f'"{place.data}"' in words
    assert not {"-name", "-sname"} & set(words)


def test_schedulers_do_not_spin_while_they_wait(tmp_path: Path) -> None:
    words = PEER.command(Place(tmp_path, 5333), "/usr/sbin/ejabberdctl")
    values = {flag: words[words.index(flag) + 1] for flag in ("+sbwt", "+sbwtdcpu", "+sbwtdio")}
    assert set(values.values()) == {"none"}


def test_the_configuration_is_in_the_folder(tmp_path: Path) -> None:
    place = Place(tmp_path, 5333)
    assert PEER.environment(place)["EJABBERD_CONFIG_PATH"].startswith(str(tmp_path))
