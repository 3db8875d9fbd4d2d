"""The configuration file is changed as a whole or not at all, and nobody's edit is lost."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from balchat_host.api.errors import ConfigurationError, StorageFailed, StorageFull
from balchat_host.loader.configuration_file import ConfigurationFile


def add(line: str):
    return lambda text: text + line


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "balchat.toml"


def test_a_file_is_made_and_changed_private_to_its_owner(path: Path) -> None:
    ConfigurationFile(path).change(add("a = 1\n"))
    path.chmod(0o644)
    ConfigurationFile(path).change(add("b = 2\n"))
    assert path.read_text() == "a = 1\nb = 2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["balchat.toml"]


def test_an_edit_by_hand_in_the_meantime_is_not_lost(path: Path) -> None:
    path.write_text("a = 1\n")
    texts = []

    def edit(text: str) -> str:
        if not texts:
            path.write_text(text + "hand = true\n")
        texts.append(text)
        return text + "b = 2\n"

    ConfigurationFile(path).change(edit)
    assert path.read_text() == "a = 1\nhand = true\nb = 2\n"


def test_a_file_that_never_rests_is_left_as_it_is(path: Path) -> None:
    def edit(text: str) -> str:
        path.write_text(text + "# again\n")
        return text + "b = 2\n"

    with pytest.raises(ConfigurationError, match="keeps changing"):
        ConfigurationFile(path).change(edit)
    assert "b = 2" not in path.read_text()


def test_many_at_once_all_get_their_turn(path: Path) -> None:
    threads = [
        threading.Thread(target=ConfigurationFile(path).change, args=(add(f"k{number} = 1\n"),)) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_text().splitlines()) == [f"k{number} = 1" for number in range(8)]


@pytest.mark.parametrize("octets", [b"\xff", b"x = 1\n" * 200_000])
def test_what_cannot_be_used_is_never_overwritten(path: Path, octets: bytes) -> None:
    path.write_bytes(octets)
    with pytest.raises(ConfigurationError):
        ConfigurationFile(path).change(add("b = 2\n"))
    assert path.read_bytes() == octets


def test_what_an_edit_refuses_changes_nothing(path: Path) -> None:
    path.write_text("a = 1\n")

    def refuse(text: str) -> str:
        raise KeyError

    with pytest.raises(KeyError):
        ConfigurationFile(path).change(refuse)
    assert [(entry.name, entry.read_text()) for entry in path.parent.iterdir()] == [("balchat.toml", "a = 1\n")]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "balchat.toml"
    target.write_text("a = 1\n")
    path.symlink_to(target)
    ConfigurationFile(path).change(add("b = 2\n"))
    assert path.is_symlink()
    assert target.read_text() == "a = 1\nb = 2\n"


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, StorageFull), (errno.EIO, StorageFailed)])
def test_a_disk_that_fails_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    path.write_text("a = 1\n")

    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(kind):
        ConfigurationFile(path).change(add("b = 2\n"))
    assert [(entry.name, entry.read_text()) for entry in path.parent.iterdir()] == [("balchat.toml", "a = 1\n")]


def test_what_a_dead_process_left_is_no_hindrance(path: Path) -> None:
    path.with_name("balchat.toml.new").write_text("half")
    ConfigurationFile(path).change(add("b = 2\n"))
    assert [(entry.name, entry.read_text()) for entry in path.parent.iterdir()] == [("balchat.toml", "b = 2\n")]
