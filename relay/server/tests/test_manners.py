"""`balchat-relay` has the manners of `balchat`: help, errors, JSON, exit codes, standard streams, secrets."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
import typer.main
from anyio import to_thread
from balchat_relay.errors import BadSettings, KeyUnusable
from balchat_relay.operating.folder import Folder
from balchat_relay.program import app
from balchat_relay.settings import read_settings
from balchat_relay.testing.process import PROGRAM, RelayProcess, command

from balchat_host.testing.programs import PATIENCE

pytestmark = pytest.mark.anyio
COMMANDS = sorted(typer.main.get_group(app).commands)


def run(*arguments: str, **streams: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], text=True, check=False, timeout=PATIENCE, **streams)


@pytest.fixture
def folder(short_folder: Path) -> Path:
    made = run("init", "-f", str(short_folder / "relay"), capture_output=True)
    assert made.returncode == 0
    return short_folder / "relay"


# -- help


@pytest.mark.parametrize("name", COMMANDS)
async def test_every_commands_help_has_its_shared_options_and_examples(name: str) -> None:
    shown = await command(name, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: balchat-relay {name}")
    assert "Shared options:" in shown.stdout
    assert f"Examples:\n  balchat-relay {name}" in shown.stdout
    assert shown.stdout.isascii()


async def test_without_a_command_help_is_shown_and_each_line_is_whole() -> None:
    shown = await command()
    assert (shown.returncode, shown.stdout) == (0, (await command("--help")).stdout)
    assert "..." not in shown.stdout.replace("[ARGS]...", "")
    assert (await command("--version")).stdout.startswith("balchat-relay 0.")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_of_the_examples_exist(name: str) -> None:
    group = typer.main.get_group(app)
    for example in (group.commands[name].epilog or "").splitlines():
        program, called, *arguments = example.split()
        assert (program, called) == ("balchat-relay", name)
        group.commands[name].make_context(name, list(arguments))


# -- errors

WRONG: list[tuple[list[str], int, str]] = [
    (["nosuch"], 2, "usage"),
    (["status", "--nosuch"], 2, "usage"),
    (["invite", "--queues", "0"], 2, "usage"),
    (["init", "--creation", "free"], 2, "usage"),
    (["init"], 3, "relay-exists"),
    (["init", "--empty-store"], 3, "relay-exists"),
    (["address", "--permit", "a\x1bb"], 3, "bad-input"),
    (["address", "--permit", ""], 3, "bad-input"),
    (["status"], 6, "not-running"),
    (["drain"], 6, "not-running"),
    (["invite"], 8, "configuration"),
]


@pytest.mark.parametrize(("arguments", "code", "name"), WRONG)
async def test_what_goes_wrong_is_one_line_or_one_json_value_and_its_kind_is_the_exit_code(
    folder: Path, arguments: list[str], code: int, name: str
) -> None:
    first, *rest = arguments
    for_person = await command(first, "-f", str(folder), *rest)
    assert (for_person.returncode, for_person.stdout) == (code, "")
    (line,) = for_person.stderr.splitlines()
    assert line.startswith("balchat-relay: ")
    assert line.isprintable()
    for as_json in (["--json", "-f", str(folder), *arguments], [first, "-f", str(folder), "--json", *rest]):
        for_program = await command(*as_json)
        assert (for_program.returncode, for_program.stdout) == (code, "")
        error = json.loads(for_program.stderr)["error"]
        assert (error["code"], error["fields"]) == (name, {})
        assert f"balchat-relay: {error['message']}" == line


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (lambda folder: (folder / "onion.key").write_text("nonsense"), 12, "onion.key is damaged"),
        (lambda folder: (folder / "onion.key").write_bytes(b"\xff\xfe\x00"), 12, "onion.key is damaged"),
        (lambda folder: (folder / "onion.key").write_text("ab" * 32 + "\x00"), 12, "onion.key is damaged"),
        (lambda folder: (folder / "onion.key").chmod(0o644), 12, "Others may read"),
        (lambda folder: (folder / "onion.key").chmod(0o622), 12, "Others may write"),
        (lambda folder: (folder / "onion.key").unlink(), 5, "has no relay"),
        (lambda folder: (folder / "relay.toml").write_text("[relay"), 8, "it is not TOML"),
        (lambda folder: (folder / "relay.toml").write_bytes(b'[relay]\npassword = "\xff"'), 8, "is not UTF-8"),
        (lambda folder: (folder / "relay.toml").write_bytes("[relay]".encode("utf-16")), 8, "UTF-16"),
        (lambda folder: (folder / "relay.toml").unlink(), 8, "is missing"),
        (lambda folder: (folder / "relay.db").write_bytes(bytes(5000)), 7, "database"),
        (
            lambda folder: (folder / "relay.toml").write_text('[relay]\ncreation = "password"\npassword = "a\\u0000b"'),
            8,
            "relay.password",
        ),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_file_is_said_with_its_name(
    folder: Path, spoil: Callable[[Path], object], code: int, words: str
) -> None:
    await to_thread.run_sync(spoil, folder)
    ended = await command("run", "-f", str(folder), "--socket", str(folder / "public"))
    assert (ended.returncode, len(ended.stderr.splitlines())) == (code, 1)
    assert words in ended.stderr


def test_a_key_of_somebody_elses_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Folder(folder).read_seed()
    owner = folder.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    if owner == 0:  # root's is taken
        assert Folder(folder).read_seed()
        monkeypatch.setattr("balchat_relay.operating.folder.ROOT", 1)
    with pytest.raises(KeyUnusable, match="belongs to somebody else"):
        Folder(folder).read_seed()


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600])
async def test_a_key_as_containers_hand_it_over_is_taken(folder: Path, mode: int) -> None:
    before = (await command("address", "-f", str(folder))).stdout
    key = folder / "onion.key"
    elsewhere = folder.parent / "secret"
    await to_thread.run_sync(key.rename, elsewhere)
    elsewhere.chmod(mode)
    await to_thread.run_sync(key.symlink_to, elsewhere)
    shown = await command("address", "-f", str(folder))
    assert (shown.returncode, shown.stdout) == (0, before)


def test_settings_that_somebody_else_may_have_written_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They say which program runs as tor."""
    file = tmp_path / "relay.toml"
    file.touch()
    file.chmod(0o646)
    with pytest.raises(BadSettings, match="everybody can write"):
        read_settings(file)
    file.chmod(0o644)
    assert read_settings(file)

    def theirs(descriptor: int, really: Callable[[int], os.stat_result] = os.fstat) -> os.stat_result:
        fields = list(really(descriptor))
        fields[stat.ST_UID] = 4242
        return os.stat_result(fields)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", theirs)
        with pytest.raises(BadSettings, match="belongs to somebody else"):
            read_settings(file)


def test_settings_that_nest_too_deeply_or_are_a_named_pipe_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text("[relay]\nsocket = " + "[" * 100_000)
    with pytest.raises(BadSettings, match="nests too deeply"):
        read_settings(file)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BadSettings, match="no regular file"):
        read_settings(file)


async def test_a_byte_order_mark_is_dropped_from_settings_and_key(folder: Path) -> None:
    before = (await command("address", "-f", str(folder))).stdout
    for name in ("onion.key", "relay.toml"):
        octets = await to_thread.run_sync((folder / name).read_bytes)
        await to_thread.run_sync((folder / name).write_bytes, b"\xef\xbb\xbf" + octets)
    assert (await command("address", "-f", str(folder))).stdout == before
    assert (await command("check", "-f", str(folder))).stdout.startswith(("All is well", "1"))
    assert (await command("invite", "-f", str(folder))).returncode == 8  # the settings were read


# -- JSON


async def test_each_result_as_json_is_one_value(short_folder: Path) -> None:
    process = RelayProcess(short_folder)
    await process.make()
    async with process.running():
        assert json.loads((await process.command("status", "--json")).stdout)["storage"] == "ok"
        assert json.loads((await process.command("drain", "--json")).stdout) == {"draining": True}
        shown = json.loads((await process.command("address", "--json")).stdout)
        assert shown["address"].startswith("balchat-relay:")
        target = str(short_folder / "copy")
        assert json.loads((await process.command("backup", target, "--json")).stdout) == {"folder": target}
        assert (await process.command("check", "--json")).stdout == ""
    await to_thread.run_sync(process.folder.settings.unlink)
    checked = await process.command("check", "--json")
    assert "is missing" in json.loads(checked.stdout)["problem"]
    assert checked.returncode == 7


# -- standard streams


async def test_an_output_that_cannot_be_written_is_its_own_kind_and_says_what_was_done(short_folder: Path) -> None:
    with Path("/dev/full").open("w") as full:  # noqa: ASYNC230  # it only opens
        made = run("init", "-f", str(short_folder / "new"), stdout=full, stderr=subprocess.PIPE)
        assert made.returncode == 7
        assert "Made a relay in" in made.stderr
        assert "balchat-relay:" in made.stderr.split("Made a relay")[1]
        assert (short_folder / "new" / "onion.key").exists()
        shown = run("address", "-f", str(short_folder / "new"), stdout=full, stderr=subprocess.PIPE)
        assert (shown.returncode, "Nothing was changed." in shown.stderr) == (7, True)
        as_json = run("address", "--json", "-f", str(short_folder / "new"), stdout=full, stderr=subprocess.PIPE)
        assert json.loads(as_json.stderr)["error"]["code"] == "output-unwritable"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_closed_streams_are_as_dev_null(folder: Path, closed: str) -> None:
    line = f'exec {" ".join(PROGRAM)} address -f "{folder}" {closed}'
    ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, timeout=PATIENCE)  # noqa: ASYNC221  # nothing else runs in this test
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)


async def test_a_reader_that_is_gone_ends_a_command_that_only_shows_something_quietly(folder: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    shown = run("address", "-f", str(folder), stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (shown.returncode, shown.stderr) == (141, "")


async def test_the_relay_runs_on_when_nobody_reads_what_it_says(folder: Path) -> None:
    process = RelayProcess(folder)
    reading, writing = os.pipe()
    arguments = [*PROGRAM, "run", "-f", str(folder), "--socket", str(process.socket)]
    async with await anyio.open_process(arguments, stdout=writing) as ran:
        os.close(writing)
        said = await to_thread.run_sync(os.read, reading, 1000)
        os.close(reading)
        assert b"serving" in said
        assert (await process.command("drain")).returncode == 0
        ran.terminate()
        assert await ran.wait() == 0
