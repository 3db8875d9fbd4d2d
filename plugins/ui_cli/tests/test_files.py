"""Files from the command line: sent, shown, fetched, written into folders, stopped, removed."""

from __future__ import annotations

import json
import os
import signal
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_cli.commands import files as commands
from balchat_ui_cli.sizes import parse_size, size_words

from balchat_host.api.errors import BadInput
from balchat_host.testing.app_kit.files import picture_with_metadata
from tests.support.terminal import Terminal

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Cli

OCTETS = bytes(range(256)) * 1000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "tides.txt"
    path.write_bytes(OCTETS)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "downloads"
    path.mkdir()
    return path


def test_a_file_is_sent_with_a_text(cli: Cli, alice: MemoryAccount, source: Path) -> None:
    alice.befriend("Bob")
    sent = cli.json("send", "Bob", "As promised.", "--file", str(source))
    assert (sent["text"], [file["name"] for file in sent["files"]]) == ("As promised.", ["tides.txt"])
    shown = cli.ok("history", "Bob").out.splitlines()
    assert "As promised." in shown[-2]
    assert shown[-1].split()[:1] == ["[file]"]
    assert "tides.txt  256 kB, offered" in shown[-1]


def test_files_need_no_text_and_keep_their_order(cli: Cli, alice: MemoryAccount, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("b", "a")]
    for path in paths:
        path.write_bytes(b"")
    sent = cli.json("send", "me", "--file", str(paths[0]), "--file", str(paths[1]))
    assert (sent["text"], [file["name"] for file in sent["files"]]) == (None, ["b", "a"])


def test_it_works_while_nothing_runs(cli: Cli, key: str, profile: object, source: Path, folder: Path) -> None:
    sent = cli.json("send", "me", "--file", str(source), key)
    cli.ok("files", "get", sent["files"][0]["id"], "--to", str(folder), key)
    assert (folder / "tides.txt").read_bytes() == OCTETS


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "unreadable"])
def test_what_is_no_readable_file_is_refused_before_anything_is_sent(
    cli: Cli, alice: MemoryAccount, source: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "unreadable":
        path.symlink_to(path)
    refused = cli("send", "me", "hello", "--file", str(source), "--file", str(path), "--json")
    assert (refused.code, refused.error["code"]) == (3, "bad-input")
    assert cli("history", "me").out == ""
    assert cli.ok("files", "list", "--json").out == ""


def test_a_source_that_changes_is_not_sent(
    cli: Cli, alice: MemoryAccount, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = alice.app.files.write

    async def change(file: str, offset: int, octets: bytes) -> int:
        os.utime(source, ns=(1, 1))
        return await write(file, offset, octets)

    monkeypatch.setattr(alice.app.files, "write", change)
    refused = cli("send", "me", "--file", str(source), "--json")
    assert (refused.code, refused.error["code"]) == (3, "bad-input")
    assert "changed" in refused.error["message"]
    assert alice.folder.files == {}


def test_a_source_that_has_more_than_its_size_says_is_not_sent(
    cli: Cli, alice: MemoryAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "log"
    source.write_bytes(bytes(600_000))
    write = alice.app.files.write

    async def grow(file: str, offset: int, octets: bytes) -> int:
        os.truncate(source, 700_000)
        return await write(file, offset, octets)

    monkeypatch.setattr(alice.app.files, "write", grow)
    for path in (source, Path("/proc/version")):
        assert "it has more than its size says" in cli("send", "me", "--file", str(path)).err
    assert alice.folder.files == {}


def test_a_source_that_gets_shorter_is_not_sent(
    cli: Cli, alice: MemoryAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(600_000))
    write = alice.app.files.write

    async def cut(file: str, offset: int, octets: bytes) -> int:
        os.truncate(source, 300_000)
        return await write(file, offset, octets)

    monkeypatch.setattr(alice.app.files, "write", cut)
    assert "changed" in cli("send", "me", "--file", str(source)).err
    assert alice.folder.files == {}


def test_a_source_that_vanishes_while_it_is_read_is_sent_whole(
    cli: Cli, alice: MemoryAccount, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "tides.bin"
    source.write_bytes(bytes(600_000))
    write = alice.app.files.write

    async def vanish(file: str, offset: int, octets: bytes) -> int:
        await anyio.Path(source).unlink(missing_ok=True)
        return await write(file, offset, octets)

    monkeypatch.setattr(alice.app.files, "write", vanish)
    sent = cli.json("send", "me", "--file", str(source))
    assert not source.exists()
    cli.ok("files", "get", sent["files"][0]["id"], "--to", str(folder))
    assert (folder / source.name).read_bytes() == bytes(600_000)


def test_a_full_disk_says_so(cli: Cli, alice: MemoryAccount, source: Path) -> None:
    alice.folder.free = 1000
    refused = cli("send", "me", "--file", str(source), "--json")
    assert (refused.code, refused.error["code"]) == (7, "no-room")
    alice.folder.free = 2**40
    alice.folder.full = True
    refused = cli("send", "me", "--file", str(source), "--json")
    assert (refused.code, refused.error["code"]) == (7, "storage-full")


def test_what_somebody_offers_is_fetched_and_written(cli: Cli, alice: MemoryAccount, folder: Path) -> None:
    bob = alice.befriend("Bob")
    file = bob.offer("../../tides\u202etxt.exe", OCTETS, "Look.")
    (line,) = cli.ok("files", "list", "Bob").out.splitlines()
    assert line.split("  ")[1:] == ["Bob", "256 kB", "tidestxt.exe", "offered"]
    cli.ok("files", "resume", file.id[:8])
    assert cli.json("files", "get", file.id, "--no-wait")["state"] == "fetching"
    bob.hand_over(file.id, parts=1)
    assert "comes, 25 %" in cli.ok("files", "list").out
    bob.hand_over(file.id)
    written = cli.json("files", "get", file.id[:8], "--to", str(folder))
    assert written["path"] == str(folder / "tidestxt.exe")
    assert Path(written["path"]).read_bytes() == OCTETS
    assert Path(written["path"]).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["tidestxt.exe"]


def test_what_was_sent_can_still_be_written_out(cli: Cli, alice: MemoryAccount, source: Path, folder: Path) -> None:
    alice.befriend("Bob")
    sent = cli.json("send", "Bob", "--file", str(source))
    source.unlink()
    cli.ok("files", "get", sent["files"][0]["id"], "--to", str(folder))
    assert (folder / "tides.txt").read_bytes() == OCTETS


def test_nothing_that_is_there_is_written_over(cli: Cli, alice: MemoryAccount, folder: Path) -> None:
    bob = alice.befriend("Bob")
    for number in range(3):
        file = bob.offer("a.tar.gz", b"new")
        cli.ok("files", "resume", file.id)
        bob.hand_over(file.id)
        (folder / "a.tar.gz").write_bytes(b"old")
        path = Path(cli.json("files", "get", file.id, "--to", str(folder))["path"])
        assert path.name == f"a.tar ({number + 1}).gz"
        assert path.read_bytes() == b"new"
    assert (folder / "a.tar.gz").read_bytes() == b"old"


def test_a_name_of_4000_characters_fits(cli: Cli, alice: MemoryAccount, folder: Path) -> None:
    bob = alice.befriend("Bob")
    for _ in range(2):
        file = bob.offer("n" * 4000 + ".txt", b"x")
        cli.ok("files", "resume", file.id)
        bob.hand_over(file.id)
        cli.ok("files", "get", file.id, "--to", str(folder))
    assert sorted(len(path.name) for path in folder.iterdir()) == [255, 255]


def test_who_stops_waiting_is_told_that_the_file_goes_on_coming(
    cli: Cli, alice: MemoryAccount, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        await anyio.sleep_forever()

    file = alice.befriend("Bob").offer("tides.txt", OCTETS)
    monkeypatch.setattr(commands, "follow", interrupt)
    stopped = cli("files", "get", file.id, "--to", str(folder))
    assert stopped.code == 130
    assert "It goes on coming." in stopped.err
    assert list(folder.iterdir()) == []
    assert cli.json("files", "list")["state"] == "fetching"


def test_half_a_file_is_never_left_in_a_folder(cli: Cli, alice: MemoryAccount, folder: Path) -> None:
    bob = alice.befriend("Bob")
    file = bob.offer("tides.txt", OCTETS)
    cli.ok("files", "resume", file.id)
    bob.hand_over(file.id)
    ((name, octets),) = alice.folder.files.items()
    octets[-1] ^= 1  # what a sender does who seals wrongly; a disk's faults are found before
    assert cli("files", "get", file.id, "--to", str(folder), "--json").error["code"] == "file-unreadable"
    del alice.folder.files[name]
    assert cli("files", "get", file.id, "--to", str(folder), "--json").error["code"] == "storage-failed"
    assert list(folder.iterdir()) == []
    assert cli("files", "get", file.id, "--to", str(folder / "none"), "--json").error["code"] == "bad-input"


def test_paused_resumed_cancelled(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    file = bob.offer("tides.txt", OCTETS)
    assert cli("files", "pause", file.id, "--json").error["code"] == "bad-input"
    cli.ok("files", "resume", file.id)
    bob.hand_over(file.id, parts=2)
    paused = cli.json("files", "pause", file.id)
    assert (paused["state"], paused["here"]) == ("paused", 2 * 65536)
    assert "paused, 51 %" in cli.ok("files", "list").out
    assert cli.json("files", "resume", file.id)["here"] == 2 * 65536
    cancelled = cli.json("files", "cancel", file.id)
    assert (cancelled["state"], cancelled["here"]) == ("offered", 0)
    assert alice.folder.files == {}


def test_what_is_removed_goes_from_the_disk_and_the_message_stays(cli: Cli, alice: MemoryAccount, source: Path) -> None:
    sent = cli.json("send", "me", "--file", str(source))
    assert len(alice.folder.files) == 1
    assert cli.json("files", "remove", sent["files"][0]["id"])["state"] == "gone"
    assert alice.folder.files == {}
    assert "removed" in cli.ok("history", "me").out


def test_pictures_come_by_themselves_and_what_a_conversation_says(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    assert bob.offer("a.jpg", b"x", content_type="image/jpeg").state == "fetching"
    assert bob.offer("a.jpg", bytes(2**20 + 1), content_type="image/jpeg").state == "offered"
    assert bob.offer("a.pdf", b"x", content_type="application/pdf").state == "offered"
    assert cli.ok("files", "automatic", "Bob", "1M").out == "Bob: files of up to 1.0 MB come by themselves.\n"
    assert bob.offer("a.pdf", bytes(10**6), content_type="application/pdf").state == "fetching"
    assert bob.offer("a.pdf", bytes(10**6 + 1), content_type="application/pdf").state == "offered"
    assert cli.json("files", "automatic", "Bob", "off")["fetch_up_to"] == 0
    assert bob.offer("a.jpg", b"x", content_type="image/jpeg").state == "offered"
    assert bob.offer("a.jpg", b"", content_type="image/jpeg").state == "offered"
    assert cli.json("files", "automatic", "Bob", "default")["fetch_up_to"] is None
    assert cli("files", "automatic", "Bob", "much", "--json").error["code"] == "bad-input"


def test_waiting_until_all_is_received_has_its_time(cli: Cli, alice: MemoryAccount, source: Path) -> None:
    alice.befriend("Bob").come_online()
    waited = cli("send", "Bob", "--file", str(source), "--wait", "received", "--timeout", "0.1", "--json")
    assert (waited.code, waited.json["state"]) == (10, "delivered")
    assert cli("send", "Bob", "x", "--wait", "received").code == 2


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_600, "1.0 MB"),
        (1_500_000, "1.5 MB"),
        (64 * 2**30, "69 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_are_short(octets: int, words: str) -> None:
    assert size_words(octets) == words


@pytest.mark.parametrize(("typed", "octets"), [("0", 0), ("500k", 500_000), ("10 MB", 10**7), ("2g", 2 * 10**9)])
def test_sizes_as_people_type_them(typed: str, octets: int) -> None:
    assert parse_size(typed) == octets


@pytest.mark.parametrize("typed", ["", "much", "-1", "1.5M", "1kk"])
def test_what_is_no_size_is_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        parse_size(typed)


def test_what_is_taken_out_of_a_picture_is_said_before_it_is_sent(
    cli: Cli, alice: MemoryAccount, tmp_path: Path
) -> None:
    photograph = tmp_path / "harbour.jpg"
    photograph.write_bytes(picture_with_metadata())
    sent = cli("send", "me", "--file", str(photograph))
    assert "harbour.jpg: removed before it is sent: where it was taken, with what." in sent.err
    kept = cli("send", "me", "--file", str(photograph), "--as-is")
    assert "harbour.jpg: sent as it is; it may say more than it shows" in kept.err
    files = [json.loads(line) for line in cli.ok("files", "list", "me", "--json").out.splitlines()]
    assert [file["metadata_removed"] for file in files] == [[], ["location", "device"]]
    assert files[0]["size"] == len(picture_with_metadata())


def test_a_picture_that_cannot_be_read_is_not_sent_unless_as_it_is(
    cli: Cli, alice: MemoryAccount, tmp_path: Path
) -> None:
    broken = tmp_path / "harbour.jpg"
    broken.write_bytes(picture_with_metadata()[:300])
    refused = cli("send", "me", "--file", str(broken), "--json")
    assert (refused.code, refused.error["code"]) == (3, "picture-unreadable")
    assert "--as-is" in refused.error["message"]
    assert cli.ok("history", "me", "--json").out == ""
    assert cli("send", "me", "--file", str(broken), "--as-is").code == 0


def test_a_voice_message_is_sent_and_shown_with_its_duration(cli: Cli, alice: MemoryAccount, tmp_path: Path) -> None:
    for library in ("numpy", "soundfile"):
        pytest.importorskip(library, reason="voice messages are an extra")
    note = tmp_path / "note.wav"
    with wave.open(str(note), "wb") as written:
        written.setparams((1, 2, 16_000, 0, "NONE", ""))
        written.writeframes(b"\x00\x20\x00\xe0" * 16_000)
    sent = cli.json("voice", "me", "--from", str(note))
    assert sent["files"][0]["voice"]["duration"] == 2000
    assert "voice message, 0:02" in cli.ok("history", "me").out
    for octets in (b"RIFF", b""):
        note.write_bytes(octets)
        assert cli("voice", "me", "--from", str(note)).code == 3
    assert cli("voice", "me").code == 3, "there is no terminal"


def test_opening_asks_at_a_terminal(cli: Cli, alice: MemoryAccount, source: Path) -> None:
    sent = cli.json("send", "me", "--file", str(source))
    refused = cli("files", "open", sent["files"][0]["id"], "--json")
    assert refused.code == 3
    assert "files get" in refused.error["message"]


OPENS = """
import sys
from pathlib import Path
import anyio
from balchat_host.testing.app_kit.files import write
from balchat_host.testing.memory_profiles import MemoryProfiles
from balchat_ui_cli.program import main
host = MemoryProfiles(Path(sys.argv[1]))
profile = host.profile()
profile.make()
profile.running = True
file = anyio.run(write, profile.account.app, "harbour.txt", b"seen by nobody else")
anyio.run(lambda: profile.account.app.messages.send("me", "", files=[file.id]))
sys.exit(main(host, ["files", "open", file.id]))
"""


@pytest.mark.parametrize("ended_by", [None, signal.SIGTERM], ids=["Enter", "SIGTERM"])
def test_what_is_opened_is_gone_however_it_ends(tmp_path: Path, ended_by: signal.Signals | None) -> None:
    private = tmp_path / "run"
    private.mkdir(0o700)
    command = [sys.executable, "-c", OPENS, str(tmp_path / "profiles")]
    with Terminal(command, {"XDG_RUNTIME_DIR": str(private)}, columns=200) as terminal:
        terminal.wait_for("until you press Enter?")
        terminal.press("y\r")
        terminal.wait_for("Enter deletes it again")
        (file,) = private.glob("balchat-open-*/*")
        assert (file.name, file.read_bytes()) == ("harbour.txt", b"seen by nobody else")
        if ended_by is None:
            terminal.press("\r")
            terminal.wait_for("It is deleted.")
        else:
            terminal.process.send_signal(ended_by)
        assert (terminal.process.wait(timeout=30) == 0) == (ended_by is None)
    assert list(private.iterdir()) == []
