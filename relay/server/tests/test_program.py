"""The program `balchat-relay`, as an operator uses it, and its folder."""

import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import anyio
import pytest
from anyio import to_thread
from balchat_network_tor.testing.ports import free_ports
from balchat_relay.errors import BadSettings
from balchat_relay.publishing import tor_settings
from balchat_relay.settings import read_settings
from balchat_relay.testing.client import connected, random_envelope
from balchat_relay.testing.process import RelayProcess, command
from balchat_relay_proto.address import RelayAddress
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.replies import Creation, Done, Fetched
from balchat_relay_proto.requests import Fetch, Put

pytestmark = pytest.mark.anyio


@pytest.fixture
async def process(short_folder: Path) -> AsyncIterator[RelayProcess]:
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running():
        yield process


async def test_a_new_relay_is_private_and_shows_its_address(short_folder: Path) -> None:
    folder = short_folder / "relay"
    made = await command("init", "-f", str(folder))
    assert made.returncode == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "onion.key").stat().st_mode) == 0o600
    shown = await command("address", "-f", str(folder))
    assert str(RelayAddress.parse(shown.stdout)) in made.stdout
    assert "█" in (await command("address", "--qr", "-f", str(folder))).stdout
    again = await command("init", "-f", str(folder))
    assert (again.returncode, "already" in again.stderr) == (3, True)
    assert (await command("address", "-f", str(folder))).stdout == shown.stdout


async def test_the_running_relay_tells_its_operator_how_it_is(process: RelayProcess) -> None:
    async with connected(process.socket) as client:
        queue = await client.new_queue()
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope()), Done)
        shown = await process.command("status")
        lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
        assert (lines["queues"], lines["envelopes"], lines["octets"]) == ("1", "1", "16384")
        assert lines["draining"] == "no"
        assert (await process.command("drain")).returncode == 0
        with pytest.raises(Refused) as refused:
            await client.new_queue()
        assert refused.value.code is Code.DRAINING
        assert re.search("^draining +yes$", (await process.command("status")).stdout, re.MULTILINE)
        await process.command("drain", "--stop")
        await client.new_queue()


async def test_metrics_name_no_queue(process: RelayProcess) -> None:
    async with connected(process.socket) as client:
        queue = await client.new_queue()
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=random_envelope()), Done)
        text = await process.admin("/metrics")
        assert 'balchat_relay_requests_total{operation="put",outcome="ok"} 1' in text
        assert "balchat_relay_queues 1" in text
        for secret in (queue.id, queue.send.octets, queue.send.verifier, queue.receive.verifier):
            assert secret.hex() not in text
    assert await process.admin("/health") == "ok\n"


async def test_on_a_port_of_this_machine_there_are_health_and_metrics_and_nothing_else(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    (port,) = free_ports(1)
    text = await to_thread.run_sync(process.folder.settings.read_text)
    text = text.replace("[limits]\n", f'metrics = "127.0.0.1:{port}"\n\n[limits]\n')
    await to_thread.run_sync(process.folder.settings.write_text, text)
    async with process.running(), aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        for path, status in (("/health", 200), ("/metrics", 200), ("/status", 404), ("/drain", 404)):
            async with session.get(path) as answer:
                assert answer.status == status


async def test_the_public_server_has_no_admin_pages(process: RelayProcess) -> None:
    async with connected(process.socket) as client:
        for path in ("/metrics", "/health", "/status", "/v1/drain"):
            async with client.session.get(f"http://relay{path}") as answer:
                assert answer.status == 404


async def test_a_backup_of_the_running_relay_is_a_relay(process: RelayProcess, short_folder: Path) -> None:
    async with connected(process.socket) as client:
        queue = await client.new_queue()
        envelope = random_envelope()
        await client.ask(Put(queue=queue.id, send=queue.send, envelope=envelope), Done)
        target = short_folder / "copy"
        assert (await process.command("backup", str(target))).returncode == 0
        again = await process.command("backup", str(target))
        assert (again.returncode, "there already" in again.stderr) == (3, True)
    copy = RelayProcess(target)
    assert (await copy.command("check")).stdout == "All is well.\n"
    async with copy.running(), connected(copy.socket) as client:
        found = await client.ask(Fetch(queue=queue.id, authority=queue.holder), Fetched)
        assert [each.envelope for each in found.stored] == [envelope]
        assert (await copy.command("address")).stdout == (await process.command("address")).stdout


async def test_check_names_what_is_wrong(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running():
        pass
    process.folder.key.chmod(0o644)
    await to_thread.run_sync(process.folder.settings.write_text, "[limits]\nqueues = 0\n")
    octets = bytearray(await to_thread.run_sync(process.folder.database.read_bytes))
    octets[4096 : 3 * 4096] = bytes(2 * 4096)
    await to_thread.run_sync(process.folder.database.write_bytes, bytes(octets))
    checked = await process.command("check")
    assert checked.returncode == 7
    for words in ("Others may read", "limits.queues: it is 0", "Restore a backup"):
        assert words in checked.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[limits]\nqueues = 0", ("relay.toml", "limits.queues", "from 1 to")),
        ("[limits]\nqueues = true", ("limits.queues", "from 1 to")),
        ("[limits]\nqueue = 1", ("limits.queue: there is no such key", "queue_mib")),
        ("[limits]\nqueues =", ("it is not TOML",)),
        ("\ufeff[limits]\nqueues = 0", ("limits.queues", "from 1 to")),
        ("[\0l\0i\0m\0", ("it is UTF-16",)),
        ("limits = 3", ("limits: it is 3. Allowed: a table",)),
        ("[other]", ("other: there is no such table", "relay")),
        ('[relay]\ncreation = "free"', ("relay.creation", "open, invitation or password")),
        ('[relay]\ncreation = "password"', ("relay.password",)),
        ('[relay]\nmetrics = "0.0.0.0:9464"', ("relay.metrics", "127.0.0.1:PORT")),
        ("[relay]\nsocket = 3", ("relay.socket", "a text")),
        ('[tor]\nsocket = "x"', ("tor.socket: there is no such key", "dial_timeout")),
        ('[tor]\ndial_timeout = "x"', ("tor.dial_timeout", "a number")),
        ("[tor]\nmax_incoming = true", ("tor.max_incoming", "a whole number")),
        ("[tor]\nmax_incoming = 1.5", ("tor.max_incoming", "a whole number")),
        ("[tor]\ncontrol = 9051", ("tor.control", "a text")),
        ('[tor]\nbridges = "x"', ("tor.bridges", "a list, each item a text")),
        ("[tor]\nbridges = [1]", ("tor.bridges", "a list, each item a text")),
        ("[tor]\ndial_timeout = 0", ("tor.dial_timeout", "from 1 to 600")),
    ],
)
async def test_wrong_settings_are_named_with_file_key_and_what_is_allowed(
    short_folder: Path, text: str, words: tuple[str, ...]
) -> None:
    file = short_folder / "relay.toml"
    await to_thread.run_sync(file.write_text, text)

    def read() -> None:
        tor_settings(read_settings(file).tor, file=file)

    with pytest.raises(BadSettings) as error:
        await to_thread.run_sync(read)
    for word in (*words, "relay.toml"):
        assert word in str(error.value)


async def test_a_password_is_in_no_message(short_folder: Path) -> None:
    file = short_folder / "relay.toml"
    for text in ("password = 24681357", f'creation = "password"\npassword = "{"24681357" * 20}"'):
        await to_thread.run_sync(file.write_text, f"[relay]\n{text}")
        with pytest.raises(BadSettings, match=r"relay\.password: it does not fit") as error:
            await to_thread.run_sync(read_settings, file)
        assert "24681357" not in str(error.value)


async def test_a_mistake_in_the_settings_is_told_in_one_line(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    await process.set_limits(queues=0)
    ended = await process.command("run")
    assert (ended.returncode, len(ended.stderr.splitlines())) == (8, 1)


async def test_without_a_relay_each_command_says_what_to_do(short_folder: Path) -> None:
    for name in ("run", "address", "status", "drain"):
        ended = await command(name, "-f", str(short_folder / "none"))
        assert ended.returncode == 5
        assert "`balchat-relay init` makes one" in ended.stderr


async def test_two_relays_do_not_share_a_folder(process: RelayProcess) -> None:
    ended = await process.command("run", "--socket", str(process.socket) + "2")
    assert (ended.returncode, "already" in ended.stderr) == (6, True)


async def test_an_invitation_is_made_for_the_running_relay(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make(Creation.INVITATION)
    async with process.running(), connected(process.socket) as client:
        with pytest.raises(Refused):
            await client.new_queue()
        address = RelayAddress.parse((await process.command("invite", "--queues", "1")).stdout)
        await client.new_queue(address.permit)


async def test_it_ends_when_it_is_told_to_also_with_subscribers(process: RelayProcess) -> None:
    async with connected(process.socket) as client, client.subscriber() as subscriber:
        process.terminate()
        with anyio.fail_after(30):
            with pytest.raises(ConnectionResetError):
                await subscriber.receive()
            assert await process.ended() == 0
