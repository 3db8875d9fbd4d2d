"""A real `balchat` whose disk is full: told, harmless, and over as soon as there is room."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.people import Person

SIZE = 24 * 1024 * 1024


class SmallDisk:
    """What somebody's profile lies on. `mounted`: it is a file system of its own, which can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "none", str(folder)]
        self.mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room while the block runs, also where the account gives some back: it empties the vault's log."""
        ended = threading.Event()
        filling = threading.Thread(target=self._fill, args=(ended,))
        self._fill_once()
        filling.start()
        try:
            yield
        finally:
            ended.set()
            filling.join()
            self._ballast.unlink()

    def _fill(self, ended: threading.Event) -> None:
        while not ended.wait(0.01):
            self._fill_once()

    def _fill_once(self) -> None:
        room = os.statvfs(self.folder)
        with self._ballast.open("ab") as ballast, suppress(OSError):  # the account may be quicker
            ballast.write(bytes(room.f_bavail * room.f_frsize))

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(self.folder)], check=True)


@pytest.fixture
def disk(house: Path, make_person) -> Iterator[tuple[SmallDisk, Person]]:
    with tempfile.TemporaryDirectory(dir=house) as base:
        home = Path(base, "alice")
        home.mkdir(mode=0o700)
        disk = SmallDisk(home)
        with make_person(Path(base), "Alice") as alice:
            alice.init()
            yield disk, alice
        if disk.mounted:
            subprocess.run(["umount", "-l", str(home)], check=True)


def storage(alice: Person) -> str | None:
    return alice.ask("status")[0]["storage"]["reason"]


def test_it_is_told_while_it_lasts_and_over_by_itself(disk: tuple[SmallDisk, Person]) -> None:
    small, alice = disk
    alice.up(listen=False)
    alice.ask("contacts", "add", nobody().onion, "--name", "Bob")
    alice.send("Bob", "before")
    assert storage(alice) is None
    if not small.mounted:  # only root may mount: then there is nothing that could be filled
        alice.down()
        return
    with small.full():
        alice.states.until(lambda status: status["storage"]["reason"] == "the disk is full")
        assert storage(alice) == "the disk is full"
        said = alice.balchat("send", "Bob", "x" * 30_000, "--json")
        assert (said.code, said.error["code"]) == (7, "storage-full")
        problems = [check["problem"]["what"] for check in alice.doctor() if check["problem"]]
        # The account empties the vault's log: then some of the room that it gave back is left for a moment.
        assert any(" is full" in what or " are left on the disk" in what for what in problems)
        said = alice.balchat("backup", str(small.folder / "copy"), "--json")
        assert (said.code, said.error["code"]) == (7, "storage-full")
        assert not [path.name for path in small.folder.iterdir() if "copy" in path.name]
    alice.states.until(lambda status: status["storage"]["phase"] == "online")
    alice.send("Bob", "after")
    assert [message["text"] for message in alice.history("Bob")] == ["before", "after"]
    alice.down()


def test_an_account_that_finds_no_room_to_come_up_says_so_and_comes_up_later(disk: tuple[SmallDisk, Person]) -> None:
    small, alice = disk
    if small.mounted:
        with small.full():
            said = alice.balchat("up", "--json", unlock=True)
            assert (said.code, said.error["code"]) == (7, "storage-full")
    alice.up(listen=False)
    assert storage(alice) is None
    alice.down()


def test_a_read_only_disk_is_told(disk: tuple[SmallDisk, Person], house: Path) -> None:
    small, alice = disk
    if small.mounted:
        small.remount("ro")
        with (
            tempfile.TemporaryDirectory(dir=house) as runtime,
            alice.environment(XDG_RUNTIME_DIR=runtime),
        ):
            said = alice.balchat("up", "--json", unlock=True)
            assert (said.code, said.error["code"]) == (7, "storage-failed")
            assert "Read-only" in said.error["message"]
            problems = [check["problem"]["what"] for check in alice.doctor() if check["problem"]]
            assert any("read-only" in what for what in problems)
        small.remount("rw")
    alice.up(listen=False)
    alice.down()
