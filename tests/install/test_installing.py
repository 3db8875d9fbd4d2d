"""Installing, replacing and removing the programs, and what is said when that cannot be."""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest
from balchat_network_tor.testing import PrivateTorNetwork

from tests.support.people import Person

ROOT = Path(__file__).parents[2]
# In the one process that also runs what needs the private network, since whatever is not built yet is built first.
pytestmark = [pytest.mark.tor, pytest.mark.timeout(1200)]


class User(Protocol):
    """As conftest.py makes them."""

    home: Path
    programs: Path
    python: str
    types: Callable[..., CompletedProcess[str]]
    has: Callable[[], set[str]]


def test_somebody_installs_it_makes_an_account_is_found_through_tor_and_removes_it(
    stick: Path, user: User, private_tor_network: PrivateTorNetwork
) -> None:
    configuration = f"[settings.network_tor]\ntorrc = {json.dumps(private_tor_network.torrc_lines())}\n"
    program = str(user.programs / "balchat")
    alice = Person(
        user.home.parent, "Alice", configuration=configuration, environment={"PYTHONPATH": ""}, program=program
    )
    before = user.has()

    make = ("make", "--silent", "-C", ROOT, f"PYTHON={user.python}")
    installed = user.types(*make, "install", f"WHEELS={stick}")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert {path.name for path in user.programs.iterdir()} == {"balchat", "balchat-relay"}
    with alice:
        assert alice.init()
        alice.up()
        alice.wait_online()
        checks = alice.ask("doctor")
        assert {check["problem"] for check in checks} == {None}, checks
        alice.down()

    removed = user.types(*make, "uninstall")
    assert removed.returncode == 0, removed.stderr
    account = alice.profile.relative_to(user.home).as_posix()
    assert str(alice.profile.parent) in removed.stdout
    left = {path for path in user.has() - before if not path.startswith((account, "run", "tmp"))}
    assert left == set()
    assert f"{account}/balchat.toml" in user.has()


def require_a_changed_wheel_is_refused(stick: Path, user: User) -> None:
    (wheel,) = stick.glob("balchat_host-*.whl")
    good = wheel.read_bytes()
    wheel.write_bytes(good + b"more")
    refused = user.types(user.python, stick / "install.py")
    assert refused.returncode == 1
    assert "balchat-host" in refused.stderr.replace("_", "-")
    assert "Nothing was changed" in refused.stderr
    wheel.write_bytes(good)


def test_what_is_installed_knows_nothing_of_the_checkout_says_what_to_do_next_and_outlives_a_changed_wheel(
    stick: Path, user: User
) -> None:
    installed = user.types(user.python, stick / "install.py")
    assert installed.returncode == 0, installed.stderr
    assert f"{user.programs} is not on your PATH" in installed.stdout
    assert 'export PATH="$HOME/.local/bin:$PATH"' in installed.stdout
    assert installed.stdout.endswith("Begin with: balchat init\n")

    for program in ("balchat", "balchat-relay"):
        said = user.types(program, "--help", path=str(user.programs))
        assert said.returncode == 0, said.stderr
    named = [path for path in user.home.rglob("*") if path.is_file() and f"{ROOT}/".encode() in path.read_bytes()]
    assert named == []

    again = user.types(user.python, stick / "install.py", path=str(user.programs))
    assert again.returncode == 0, again.stderr
    assert "PATH" not in again.stdout
    assert len(list((user.home / ".local" / "lib" / "balchat").iterdir())) == 1

    removed = user.types(user.python, stick / "install.py", "--uninstall")
    assert removed.stdout == "balchat is removed.\n"
    assert user.has() == set()
    assert (
        user.types(user.python, stick / "install.py", "--uninstall").stdout == "balchat was not installed from here.\n"
    )


def test_a_wheel_that_was_changed_is_not_installed(stick: Path, user: User) -> None:
    require_a_changed_wheel_is_refused(stick, user)
    assert user.has() == set()


def test_a_folder_that_is_incomplete_or_for_another_python_is_refused_with_the_way_out(stick: Path, user: User) -> None:
    lock = stick / "install.lock"
    text = lock.read_text()
    lock.write_text(re.sub(r"CPython \S+", "CPython 3.99", text))
    assert "CPython 3.99" in (refused := user.types(user.python, stick / "install.py")).stderr
    assert refused.returncode == 1
    (stick / "install.lock").write_text(text)
    next(stick.glob("pip-*.whl")).unlink()
    assert "no pip-*.whl" in user.types(user.python, stick / "install.py").stderr
    lock.unlink()
    assert "make wheelhouse" in user.types(user.python, stick / "install.py").stderr
    assert "make wheelhouse" in user.types(user.python, stick / "install.py", user.home).stderr
    assert user.has() == set()


def test_a_program_of_the_same_name_that_somebody_else_put_there_is_left_alone(stick: Path, user: User) -> None:
    user.programs.mkdir(parents=True)
    other = user.programs / "balchat"
    other.write_text("#!/bin/sh\n")
    refused = user.types(user.python, stick / "install.py")
    assert refused.returncode == 1
    assert f"{other} is there already" in refused.stderr
    assert "was not installed from here" in user.types(user.python, stick / "install.py", "--uninstall").stdout
    assert other.read_text() == "#!/bin/sh\n"


def test_what_is_installed_can_be_written_by_nobody_else_whatever_the_umask(tmp_path: Path) -> None:
    """With a pip that installs nothing, since the folders and links are what counts."""
    folder = tmp_path / "wheels"
    pip = folder / "pip-0.whl" / "pip"
    pip.mkdir(parents=True)
    (pip / "__main__.py").touch()
    version = ".".join(platform.python_version_tuple()[:2])
    made_for = f"{platform.python_implementation()} {version} on {platform.system()} {platform.machine()}"
    (folder / "install.lock").write_text(f"# For {made_for}\n")
    home = tmp_path / "home"
    home.mkdir()

    typed = f'umask 0; exec "{sys.executable}" "{ROOT}/scripts/install.py" "{folder}"'
    done = subprocess.run(
        ["/bin/sh", "-c", typed], env={"HOME": str(home), "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = [path for path in home.rglob("*") if not path.is_symlink()]
    assert made
    assert [path for path in made if path.stat().st_mode & 0o022] == []
