"""An account that runs is found by what it says in the profile, also where its socket was lost: with real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from balchat_host.loader.running import find_holder
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.programs import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.people import Person

    MakePair = Callable[[], tuple[Person, Person]]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def alice(make_pair: MakePair) -> Person:
    return make_pair()[0]


def socket_of(somebody: Person) -> Path:
    (socket,) = somebody.runtime.glob("balchat/*/rpc.sock")
    return socket


def clear(folder: Path) -> None:
    """Empty a folder, as a system does with the runtime directory at logout."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def is_up(somebody: Person) -> bool:
    (status,) = somebody.ask("status")
    return status["running"]


def test_the_socket_is_made_again_where_the_runtime_directory_was_emptied(alice: Person) -> None:
    alice.up(listen=False)
    clear(alice.runtime)
    assert is_up(alice)
    assert socket_of(alice).is_socket()
    alice.down()


def test_the_socket_is_made_elsewhere_where_the_runtime_directory_is_gone(alice: Person) -> None:
    alice.up(listen=False)
    shutil.rmtree(alice.runtime)
    assert is_up(alice)
    alice.down()


def test_only_the_socket_removed(alice: Person) -> None:
    alice.up(listen=False)
    socket_of(alice).unlink()
    assert is_up(alice)
    alice.down()


def test_a_client_that_is_connected_stays_so(alice: Person) -> None:
    alice.up()  # with `balchat listen`, which hears of what happens
    clear(alice.runtime)
    assert is_up(alice)
    alice.ask("contacts", "add", str(nobody().onion), "--name", "Bob")
    assert alice.events.until(lambda event: event["type"] == "contact.changed").value["contact"]["name"] == "Bob"
    alice.down()


@pytest.mark.parametrize("value", [None, "", "relative", "/nowhere", "other"])
def test_it_is_found_from_a_session_with_another_runtime_directory(alice: Person, tmp_path: Path, value: str) -> None:
    alice.up(listen=False)
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    with alice.environment(XDG_RUNTIME_DIR=str(other) if value == "other" else value):
        assert is_up(alice)
        alice.down()
    assert not (alice.profile / "running").exists()


PRETEND = """
import sys
from pathlib import Path
from balchat_host.loader.running import RunningFile

file = RunningFile(Path(sys.argv[1]), Path(sys.argv[2]))
file.put()
print(flush=True)
input()
"""


@pytest.fixture
def unreachable(alice: Person) -> Iterator[subprocess.Popen[bytes]]:
    """A process that says that it holds the account, and has no socket."""
    command = [sys.executable, "-c", PRETEND, str(alice.profile), str(alice.runtime)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_every_command_says_where_it_runs_that_cannot_be_reached(
    alice: Person, unreachable: subprocess.Popen[bytes]
) -> None:
    for command in (["contacts", "list"], ["up"]):
        said = alice.balchat(*command, "--json", unlock=command == ["up"])
        assert (said.code, said.error["code"]) == (6, "running-unreachable")
        assert f"process {unreachable.pid}" in said.error["message"]
        assert str(alice.runtime) in said.error["message"]


def test_down_ends_one_that_cannot_be_reached(alice: Person, unreachable: subprocess.Popen[bytes]) -> None:
    assert alice.ask("down") == [{"running": False}]
    assert unreachable.wait() == -signal.SIGTERM


def test_down_ends_it_also_while_no_socket_can_be_made(alice: Person) -> None:
    alice.up(listen=False)
    clear(alice.runtime)
    (alice.runtime / "balchat").write_text("in the way")
    alice.down()


def test_a_suspended_one_is_ended(alice: Person) -> None:
    alice.up(listen=False)
    os.kill(alice.pid, signal.SIGSTOP)
    clear(alice.runtime)
    alice.down()


def test_a_killed_one_leaves_a_file_that_means_nothing(alice: Person) -> None:
    alice.up(listen=False)
    alice.kill()
    assert (alice.profile / "running").exists()
    said = alice.balchat("down", "--json")
    assert (said.code, said.error["code"]) == (6, "not-running")
    assert alice.ask("status")[0]["running"] is False
    (socket,) = [check for check in alice.doctor() if check["name"] == "socket"]
    assert "did not end by itself" in socket["finding"]
    alice.up(listen=False)
    assert is_up(alice)
    alice.down()


def test_nobody_is_ended_who_has_come_to_have_the_id_of_a_dead_one(alice: Person) -> None:
    """As after a reboot, in a copied profile, or where process ids have come round."""
    alice.up(listen=False)
    alice.kill()
    said = json.loads((alice.profile / "running").read_text())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as innocent:
        said["process_id"] = innocent.pid
        (alice.profile / "running").write_text(json.dumps(said))
        assert alice.balchat("down", "--json").error["code"] == "not-running"
        assert innocent.poll() is None
        innocent.kill()


def test_a_profile_that_was_copied_with_its_file_is_not_running(alice: Person, tmp_path: Path) -> None:
    alice.up(listen=False)
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    shutil.copyfile(alice.profile / "running", copy / "running")
    (copy / "running").chmod(0o600)
    assert find_holder(alice.profile) is not None
    assert find_holder(copy) is None
    alice.down()


def test_the_file_is_private_whole_and_put_back(alice: Person) -> None:
    alice.up(listen=False)
    file = alice.profile / "running"
    assert file.stat().st_mode & 0o777 == 0o600
    said = json.loads(file.read_text())
    assert said["process_id"] == alice.pid
    file.unlink()
    until(file.exists)
    assert json.loads(file.read_text()) == said
    assert not (alice.profile / "running.new").exists()
    alice.down()
    assert not file.exists()


def test_doctor_says_where_it_runs(alice: Person) -> None:
    alice.up(listen=False)
    (socket,) = [check for check in alice.doctor() if check["name"] == "socket"]
    assert f"process {alice.pid}" in socket["finding"]
    assert str(socket_of(alice).parent) in socket["finding"]
    alice.down()


def test_doctor_says_that_it_cannot_be_reached(alice: Person, unreachable: subprocess.Popen[bytes]) -> None:
    (socket,) = [check for check in alice.doctor() if check["name"] == "socket"]
    assert "cannot be reached" in socket["finding"]
    assert str(unreachable.pid) in socket["problem"]["what"]
    assert "balchat down" in socket["problem"]["remedy"]


def test_up_says_that_it_runs_already_whatever_the_session(alice: Person) -> None:
    alice.up(listen=False)
    with alice.environment(XDG_RUNTIME_DIR=None):
        said = alice.balchat("up", "--json", unlock=True)
    assert (said.code, said.error["code"]) == (6, "already-running")
    alice.down()
