"""The tor program is found and new enough, or the error says what to do."""

from pathlib import Path

import anyio
import pytest
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.program import MINIMUM, find_tor, read_version
from balchat_network_tor.settings import TorSettings

from balchat_host.api.errors import NetworkUnavailable, TorMissing, TorTooOld
from balchat_host.api.network import NetworkContext
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import running

pytestmark = pytest.mark.anyio


def program(folder: Path, text: str) -> str:
    path = folder / "tor"
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o700)
    return str(path)


def network(settings: TorSettings, folder: Path) -> TorNetwork:
    return TorNetwork(NetworkContext(directory=folder, on_state=ignore_state), settings)


def test_versions_of_all_ages_are_read() -> None:
    assert read_version("Tor version 0.4.9.11.\nThis build of Tor ...", "tor") == (0, 4, 9, 11)
    assert read_version("Tor version 0.4.8.0-alpha-dev (git-123).", "tor") == (0, 4, 8, 0)


async def test_a_new_enough_tor_is_taken(tmp_path: Path) -> None:
    path = program(tmp_path, "Tor version 0.4.7.7.")
    assert await find_tor(path) == path


async def test_an_old_tor_is_refused_with_both_versions(tmp_path: Path) -> None:
    with pytest.raises(TorTooOld, match=r"0\.4\.6\.9 is too old; 0\.4\.7\.7"):
        await find_tor(program(tmp_path, "Tor version 0.4.6.9."))
    assert MINIMUM == (0, 4, 7, 7)


async def test_a_missing_tor_is_named(tmp_path: Path) -> None:
    with pytest.raises(TorMissing, match="no program tor-of-nowhere"):
        await find_tor("tor-of-nowhere")


async def test_another_program_is_no_tor(tmp_path: Path) -> None:
    with pytest.raises(TorMissing, match="is not tor"):
        await find_tor(program(tmp_path, "hello"))


async def test_what_no_waiting_mends_stops_the_network(tmp_path: Path) -> None:
    for settings, kind in (
        (TorSettings(tor="tor-of-nowhere"), TorMissing),
        (TorSettings(tor=program(tmp_path, "Tor version 0.4.5.16.")), TorTooOld),
    ):
        with pytest.raises(kind):
            async with running(network(settings, tmp_path)):
                await anyio.sleep_forever()


async def test_a_missing_transport_program_is_named(tmp_path: Path) -> None:
    plugins = ("obfs4 exec /nowhere/lyrebird",)
    settings = TorSettings(tor=program(tmp_path, "Tor version 0.4.9.11."), client_transport_plugins=plugins)
    with pytest.raises(NetworkUnavailable, match="/nowhere/lyrebird"):
        async with running(network(settings, tmp_path)):
            await anyio.sleep_forever()


async def test_the_doctor_says_what_to_do(tmp_path: Path) -> None:
    (check,) = await network(TorSettings(tor="tor-of-nowhere"), tmp_path).checks()
    assert check.problem is not None
    assert "no program tor-of-nowhere" in check.problem.what
    assert "apt install tor" in check.problem.remedy
    (check,) = await network(TorSettings(control=f"unix:{tmp_path}/control"), tmp_path).checks()
    assert check.problem is not None
    assert "nothing answers there" in check.problem.what
    assert "settings.network_tor.control" in check.problem.remedy
