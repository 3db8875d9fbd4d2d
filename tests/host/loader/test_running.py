"""The file in which a process says that it holds an account: who is believed, and who is ended."""

from __future__ import annotations

import errno
import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import NotRunning, RunningElsewhere
from balchat_host.loader.room import check_room
from balchat_host.loader.running import RunningFile, end_holder, find_holder, left_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Iterator[RunningFile]:
    file = RunningFile(tmp_path, tmp_path / "run")
    file.put()
    yield file
    file.remove()


def said(profile: Path, **changes: object) -> None:
    """Change what stands in the file, in place: whoever holds its lock goes on holding it."""
    path = profile / "running"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_its_holder_is_found(file: RunningFile, tmp_path: Path) -> None:
    holder = find_holder(tmp_path)
    assert holder is not None
    assert (holder.process_id, holder.runtime_directory, holder.here) == (os.getpid(), tmp_path / "run", True)
    assert not left_over(tmp_path)


def test_another_directory_is_said_at_once(file: RunningFile, tmp_path: Path) -> None:
    file.move(tmp_path / "elsewhere")
    holder = find_holder(tmp_path)
    assert holder is not None
    assert holder.runtime_directory == tmp_path / "elsewhere"


def test_once_it_is_removed_nobody_holds_it(file: RunningFile, tmp_path: Path) -> None:
    file.remove()
    assert find_holder(tmp_path) is None
    assert not left_over(tmp_path)
    with pytest.raises(NotRunning):
        end_holder(tmp_path)


def test_the_file_of_somebody_else_is_not_removed(file: RunningFile, tmp_path: Path) -> None:
    other = RunningFile(tmp_path, tmp_path / "other")
    other.put()
    file.remove()
    holder = find_holder(tmp_path)
    assert holder is not None
    assert holder.runtime_directory == tmp_path / "other"
    other.remove()


@pytest.mark.parametrize(
    "changes",
    [{"namespace": "pid:[1]"}, {"started": "another-boot/17"}, {"process_id": 2**22 + 1}],
    ids=["container", "boot", "nobody"],
)
def test_what_is_no_process_of_ours_is_not_ended(file: RunningFile, tmp_path: Path, changes: dict[str, object]) -> None:
    said(tmp_path, **changes)
    holder = find_holder(tmp_path)
    assert holder is not None
    assert not holder.here
    with pytest.raises(RunningElsewhere):
        end_holder(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"process_id": "1"}', "x" * 10_000, "\0", "[" * 4096])
def test_what_cannot_be_read_means_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "running").write_text(text)
    assert find_holder(tmp_path) is None
    assert not left_over(tmp_path)


@pytest.mark.parametrize("process_id", [0, -1])
def test_no_group_of_processes_is_named(file: RunningFile, tmp_path: Path, process_id: int) -> None:
    said(tmp_path, process_id=process_id)
    assert find_holder(tmp_path) is None
    with pytest.raises(NotRunning):
        end_holder(tmp_path)


def test_the_first_process_of_a_container_is_found_and_ended(
    file: RunningFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(process_id: int, number: int) -> None:
        signalled.append((process_id, number))

    signalled: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getpid", lambda: 1)
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.setattr(os, "kill", kill)
    file.remove()
    file.put()
    holder = find_holder(tmp_path)
    assert holder is not None
    assert (holder.process_id, holder.here) == (1, True)
    assert end_holder(tmp_path) == 1
    assert signalled == [(1, signal.SIGTERM), (1, signal.SIGCONT)]


def test_an_init_that_is_not_what_the_file_says_is_left_alone(file: RunningFile, tmp_path: Path) -> None:
    said(tmp_path, process_id=1)
    with pytest.raises(RunningElsewhere):
        end_holder(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"process_id": 2**31},
        {"process_id": 2**63},
        *({"runtime_directory": each} for each in ("", "run", "/a\0b", "/\ud800")),
    ],
    ids=str,
)
def test_what_no_system_call_takes_means_nothing(file: RunningFile, tmp_path: Path, changes: dict[str, object]) -> None:
    said(tmp_path, **changes)
    assert find_holder(tmp_path) is None
    with pytest.raises(NotRunning):
        end_holder(tmp_path)


def test_a_directory_whose_name_is_no_utf8_is_found(tmp_path: Path) -> None:
    directory = tmp_path / os.fsdecode(b"caf\xe9")
    file = RunningFile(tmp_path, directory)
    file.put()
    holder = find_holder(tmp_path)
    assert holder is not None
    assert holder.runtime_directory == directory
    file.remove()


def test_a_process_is_ended_also_where_the_kernel_has_no_descriptors_for_it(
    file: RunningFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process_id: int) -> int:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def kill(process_id: int, number: int) -> None:
        signalled.append((process_id, number))

    signalled: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    monkeypatch.setattr(os, "kill", kill)
    assert end_holder(tmp_path) == os.getpid()
    assert signalled == [(os.getpid(), signal.SIGTERM), (os.getpid(), signal.SIGCONT)]


def test_what_is_no_ordinary_file_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "running")
    assert find_holder(tmp_path) is None
    (tmp_path / "running").unlink()
    (tmp_path / "running").symlink_to(tmp_path / "running.other")
    assert find_holder(tmp_path) is None


def test_a_directory_that_can_be_written_has_room(tmp_path: Path) -> None:
    check = check_room("profile", tmp_path / "not" / "made" / "yet", least=1)
    assert check.problem is None
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_too_little_room_is_told(tmp_path: Path) -> None:
    check = check_room("profile", tmp_path, least=2**62)
    assert check.problem is not None
    assert check.problem.remedy == "free some room"
