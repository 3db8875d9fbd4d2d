"""Secrets from files as people, systemd and containers hand them over, and what a secret may have around it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from balchat_ui_cli import secret_files

from balchat_host.api.types import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles
    from conftest import Cli

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that others can reach, as those of the system are."""
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    for path in tmp_path.glob("**/*"):
        if not path.is_symlink():
            path.chmod(0o755)


@pytest.fixture
def as_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be another user than whom the files of this test belong to, who counts as root."""
    files_of = os.geteuid()
    monkeypatch.setattr(secret_files.os, "geteuid", lambda: 4242)
    monkeypatch.setattr(secret_files, "_trusted", lambda status: status.st_uid in {0, files_of})


def write(folder: Path, mode: int, octets: bytes = PASSPHRASE) -> Path:
    file = folder / "passphrase"
    file.write_bytes(octets)
    file.chmod(mode)
    return file


def use(cli: Cli, file: Path) -> Any:
    return cli("code", "--json", f"--passphrase-file={file}")


def refused(cli: Cli, file: Path, why: str) -> None:
    told = use(cli, file)
    assert (told.code, told.error["code"]) == (3, "bad-passphrase-file")
    assert why in told.error["message"]
    assert "--passphrase-fd" in told.error["message"]


# -- who can have written it


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644])
def test_a_file_of_roots_is_taken(cli: Cli, profile: MemoryProfile, folder: Path, as_service: None, mode: int) -> None:
    assert use(cli, write(folder, mode)).code == 0


def test_a_credential_of_systemd_is_taken(cli: Cli, profile: MemoryProfile, folder: Path, as_service: None) -> None:
    unit = folder / "balchat.service"
    unit.mkdir(mode=0o700)
    file = write(unit, 0o440)
    unit.chmod(0o550)
    told = use(cli, file)
    assert (told.code, told.err) == (0, "")


def test_a_secret_of_kubernetes_is_taken_through_its_links(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None
) -> None:
    (folder / "..2026_01_31").mkdir()
    write(folder / "..2026_01_31", 0o444)
    (folder / "..data").symlink_to("..2026_01_31")
    (folder / "passphrase").symlink_to("..data/passphrase")
    # The volume is open to everybody, and sticky.
    folder.chmod(0o1777)
    assert use(cli, folder / "passphrase").code == 0


def test_a_file_of_ours_that_nothing_may_write_to_is_taken(cli: Cli, profile: MemoryProfile, folder: Path) -> None:
    for mode in (0o400, 0o440, 0o444):
        assert use(cli, write(folder, mode)).code == 0
        (folder / "passphrase").chmod(0o600)


def test_a_file_of_somebody_elses_is_refused(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder, 0o444)
    monkeypatch.setattr(secret_files, "_trusted", lambda status: status.st_ino != file.stat().st_ino)
    refused(cli, file, "belongs to somebody else")


@pytest.mark.parametrize("mode", [0o420, 0o402, 0o666])
def test_a_file_that_others_can_write_is_refused(cli: Cli, profile: MemoryProfile, folder: Path, mode: int) -> None:
    refused(cli, write(folder, mode), "others may write")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_folder_in_which_others_can_put_another_file_is_refused(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None, mode: int
) -> None:
    (folder / "deeper").mkdir(mode=0o755)
    file = write(folder / "deeper", 0o444)
    (folder / "link").symlink_to(file)
    folder.chmod(mode)
    refused(cli, file, f"{folder} can be changed by others")
    refused(cli, folder / "link", f"{folder} can be changed by others")
    refused(cli, folder / "deeper" / ".." / "deeper" / "passphrase", f"{folder} can be changed by others")


def test_a_link_through_a_folder_of_everybodys_is_refused(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None
) -> None:
    """The file itself is safe, and the link to it could be another one."""
    file = write(folder, 0o444)
    (folder / "open").mkdir()
    (folder / "open" / "link").symlink_to(file)
    (folder / "open").chmod(0o777)
    refused(cli, folder / "open" / "link", "can be changed by others")


def test_a_link_of_somebody_elses_in_a_sticky_folder_is_refused(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder, 0o444)
    (folder / "open").mkdir()
    link = folder / "open" / "link"
    link.symlink_to(file)
    (folder / "open").chmod(0o1777)
    assert use(cli, link).code == 0
    monkeypatch.setattr(secret_files, "_trusted", lambda status: status.st_ino != link.lstat().st_ino)
    refused(cli, link, "has link of somebody else's")


def test_a_file_of_ours_alone_may_lie_in_a_folder_of_our_group(cli: Cli, profile: MemoryProfile, folder: Path) -> None:
    file = write(folder, 0o600)
    folder.chmod(0o775)
    assert use(cli, file).code == 0
    folder.chmod(0o777)
    refused(cli, file, "can be changed by others")


def test_a_link_of_somebody_elses_to_a_file_of_ours_alone_is_refused(
    cli: Cli, profile: MemoryProfile, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who owns the folder could have us take the first line of a private file of ours, and know it."""
    known = folder / "known"
    known.mkdir(mode=0o700)
    (folder / "passphrase").symlink_to(write(known, 0o600))
    assert use(cli, folder / "passphrase").code == 0
    theirs = {folder.stat().st_ino, (folder / "passphrase").lstat().st_ino}
    monkeypatch.setattr(secret_files, "_trusted", lambda status: status.st_ino not in theirs)
    refused(cli, folder / "passphrase", "has passphrase of somebody else's")


def test_links_that_lead_in_a_circle(cli: Cli, profile: MemoryProfile, folder: Path) -> None:
    (folder / "passphrase").symlink_to("passphrase")
    assert use(cli, folder / "passphrase").error["code"] == "bad-passphrase-file"


# -- who can read it


def test_a_secret_that_everybody_can_read_is_taken_with_a_warning(
    cli: Cli, profile: MemoryProfile, folder: Path, as_service: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder, 0o444)
    assert use(cli, file).err == ""  # pytest's own folder is closed to others
    monkeypatch.setattr(secret_files.stat, "S_IXOTH", 0o100)
    told = use(cli, file)
    assert told.code == 0
    assert '"readable-secret"' in told.err


# -- what is around a secret, and in it


@pytest.fixture(params=["file", "descriptor"])
def handed_over(
    request: pytest.FixtureRequest, folder: Path, pipe_with: Callable[[bytes], int]
) -> Callable[[bytes], str]:
    """Gives the option that hands a secret over."""

    def hand_over(octets: bytes) -> str:
        if request.param == "file":
            return f"--passphrase-file={write(folder, 0o600, octets)}"
        return f"--passphrase-fd={pipe_with(octets)}"

    return hand_over


@pytest.mark.parametrize("around", [b"%s", b"%s\n", b"%s\r\n", b"\xef\xbb\xbf%s", b"\xef\xbb\xbf%s\r\nmore\n"])
def test_marks_and_line_ends_are_no_part_of_a_passphrase(
    cli: Cli, host: MemoryProfiles, handed_over: Callable[[bytes], str], around: bytes
) -> None:
    assert cli("init", "--name", "Alice", handed_over(around % PASSPHRASE)).code == 0
    assert host.profile().account.passphrase == Secret(PASSPHRASE)


@pytest.mark.parametrize(
    ("octets", "problem"),
    [
        (b"correct\0horse battery", "U+0000"),
        (b"correct\thorse battery", "U+0009"),
        (b"correct\rhorse battery", "U+000D"),
        (b"correct\x1b[Ahorse battery", "U+001B"),
        (b"correct horse battery\x7f", "U+007F"),
        ("correct horse\u0085battery".encode(), "U+0085"),
        ("correct horse\u2028battery".encode(), "U+2028"),
        ("correct horse\ufeffbattery".encode(), "U+FEFF"),
        (b"\xef\xbb\xbf\n", "empty"),
        ("correct horse".encode("utf-16"), "UTF-16"),
        ("correct horse".encode("utf-16-be"), "UTF-16"),
        ("correct horse".encode("utf-32"), "UTF-16 or UTF-32"),
        ("corrèct horse".encode("latin-1"), "not UTF-8"),
    ],
)
def test_what_cannot_have_been_meant_is_refused(
    cli: Cli, host: MemoryProfiles, handed_over: Callable[[bytes], str], octets: bytes, problem: str
) -> None:
    told = cli("init", "--name", "Alice", handed_over(octets + b"\n"), "--json")
    assert (told.code, told.error["code"]) == (3, "bad-input")
    assert problem in told.error["message"]
    assert not host.profile().exists()


def test_a_new_passphrase_file_is_held_to_the_same(cli: Cli, profile: MemoryProfile, key: str, folder: Path) -> None:
    told = cli("passphrase", "change", key, f"--new-passphrase-file={write(folder, 0o602)}", "--json")
    assert (told.code, told.error["code"]) == (3, "bad-passphrase-file")
    assert "--new-passphrase-fd" in told.error["message"]
    file = write(folder, 0o600, b"a\0b" * 9)
    assert cli("passphrase", "change", key, f"--new-passphrase-file={file}").code == 3


# -- text on standard input


def test_a_text_on_standard_input_has_no_mark(cli: Cli, profile: MemoryProfile, key: str) -> None:
    profile.account.befriend("Bob")
    assert cli("send", "Bob", key, "--json", stdin=b"\xef\xbb\xbfhello\r\n").json["text"] == "hello"
    told = cli("send", "Bob", key, "--json", stdin="hello".encode("utf-16"))
    assert (told.code, told.error["code"]) == (3, "bad-input")
    assert "UTF-16" in told.error["message"]


def test_what_comes_slowly_through_a_pipe_that_does_not_block_is_waited_for(
    cli: Cli, profile: MemoryProfile, key: str
) -> None:
    profile.account.befriend("Bob")
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with ThreadPoolExecutor(1) as thread, os.fdopen(reading):

        def speak() -> None:
            for octet in PASSPHRASE + b"\n":
                os.write(writing, bytes([octet]))
            os.close(writing)

        # The first look comes before the first octet.
        waits = Event()
        thread.submit(lambda: waits.wait() and speak())
        really = os.read

        def read(descriptor: int, size: int) -> bytes:
            try:
                return really(descriptor, size)
            except BlockingIOError:
                waits.set()
                raise

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "read", read)
            assert cli("code", "--passphrase-fd", str(reading)).code == 0
