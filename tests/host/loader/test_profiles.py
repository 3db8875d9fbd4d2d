"""Where accounts lie, and that nobody else gets into it."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from balchat_host.api.errors import BadInput
from balchat_host.loader import profiles
from balchat_host.loader.configuration import Configuration
from balchat_host.loader.profiles import MAX_RUNTIME_DIRECTORY_SIZE, list_profiles, make_private, profile_directory
from balchat_host.local_profiles import LocalProfiles


@pytest.fixture
def place(monkeypatch):
    """Everything that profiles look at outside their own directory, in one folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as name:
        folder = Path(name)
        monkeypatch.setattr(profiles, "SHARED_TEMPORARY", folder / "tmp")
        monkeypatch.setattr(profiles, "SYSTEM_RUNTIME", folder / "run-user")
        (folder / "tmp").mkdir()
        (folder / "xdg").mkdir(mode=0o700)
        yield folder


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_named_profile_lies_where_the_system_keeps_data(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ana")
    assert profile_directory("work", {"XDG_DATA_HOME": "/data"}).directory == Path("/data/balchat/work")
    assert profile_directory("work", {}).directory == Path("/home/ana/.local/share/balchat/work")
    assert profile_directory("work", {"XDG_DATA_HOME": "relative"}).directory == Path(
        "/home/ana/.local/share/balchat/work"
    )
    assert profile_directory("work", {}).name == "work"


def test_without_a_name_the_environment_says_which_then_the_default():
    assert profile_directory(None, {"XDG_DATA_HOME": "/data"}).name == "default"
    assert profile_directory(None, {"BALCHAT_PROFILE": "work"}).name == "work"
    assert profile_directory(None, {"BALCHAT_PROFILE": "/srv/bot"}).directory == Path("/srv/bot")
    assert profile_directory("home", {"BALCHAT_PROFILE": "work"}).name == "home"


def test_anything_with_a_separator_is_a_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ana")
    assert profile_directory("/srv/bot", {}).directory == Path("/srv/bot")
    assert profile_directory("./bot", {}).directory == tmp_path / "bot"
    assert profile_directory("bot/", {}).directory == tmp_path / "bot"
    assert profile_directory("../bot", {}).directory == tmp_path.parent / "bot"
    assert profile_directory("~/bot", {}).directory == Path("/home/ana/bot")
    assert profile_directory("/srv/bot", {}).name == "/srv/bot"


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "-x", "a b", "a\n", "ä", "x" * 41, "~"])
def test_a_name_that_could_be_something_else_is_refused(name):
    with pytest.raises(BadInput, match="it has 1 to 40 letters, digits"):
        profile_directory(name, {})


@pytest.mark.parametrize("name", ["a", "A1", "work.2", "my-bot_3", "x" * 40])
def test_ordinary_names_are_taken(name):
    assert profile_directory(name, {}).directory.name == name


def test_a_home_that_nobody_knows_is_an_error():
    with pytest.raises(BadInput, match="your home directory is not known"):
        profile_directory("~nobody-of-this-name/x", {})


def test_profiles_are_listed_by_name(tmp_path):
    environment = {"XDG_DATA_HOME": str(tmp_path)}
    assert list_profiles(environment) == []
    for name in ("work", "default", ".hidden", "not a name"):
        (tmp_path / "balchat" / name).mkdir(parents=True)
    (tmp_path / "balchat" / "file").touch()
    assert [profile.name for profile in list_profiles(environment)] == ["default", "work"]
    assert list_profiles(environment)[1] == profile_directory("work", environment)


def test_a_profile_of_somebody_else_is_refused_before_anything_is_made_in_it(place, monkeypatch):
    profile = profile_directory(str(place / "bot"), {})
    profile.require_own()  # it is not there yet
    profile.directory.mkdir()
    profile.require_own()
    monkeypatch.setattr(os, "geteuid", lambda: profile.directory.stat().st_uid + 54321)
    with pytest.raises(BadInput, match=r"bot: it belongs to .*, and you are .*; only its owner can use it"):
        profile.require_own()
    with pytest.raises(BadInput, match="only its owner can use it"):
        LocalProfiles({}, Configuration()).profile(str(profile.directory))
    assert list(profile.directory.iterdir()) == []


def test_the_runtime_directory_is_private_short_and_the_same_for_every_process(place):
    environment = {"XDG_RUNTIME_DIR": str(place / "xdg")}
    ours = profile_directory(str(place / "bot"), {})
    directory = ours.runtime_directory(environment)
    assert directory.parent == place / "xdg" / "balchat"
    assert mode(directory) == mode(directory.parent) == 0o700
    assert directory == ours.runtime_directory(environment)
    assert directory != profile_directory(str(place / "other"), {}).runtime_directory(environment)
    (place / "link").symlink_to(place / "bot")
    assert directory == profile_directory(str(place / "link"), {}).runtime_directory(environment)


def test_without_a_variable_the_systems_own_runtime_directory_is_used(place):
    own = place / "run-user" / str(os.geteuid())
    own.mkdir(parents=True, mode=0o700)
    profile = profile_directory(str(place / "bot"), {})
    assert profile.runtime_directory({}).parent == own / "balchat"
    assert profile.runtime_directory({"XDG_RUNTIME_DIR": str(own)}) == profile.runtime_directory({})


@pytest.mark.parametrize("spoil", ["absent", "open", "file", "relative", "foreign"])
def test_a_runtime_directory_that_is_not_ours_alone_is_passed_over(place, spoil, monkeypatch):
    xdg = place / "xdg"
    monkeypatch.chdir(place)
    if spoil in {"absent", "file"}:
        xdg.rmdir()
    if spoil == "file":
        xdg.touch()
    if spoil == "open":
        xdg.chmod(0o755)
    if spoil == "foreign":
        (place / "theirs").mkdir(mode=0o755)
        xdg.rmdir()
        xdg.symlink_to(place / "theirs")
    profile = profile_directory(str(place / "bot"), {})
    found = profile.runtime_directory({"XDG_RUNTIME_DIR": "xdg" if spoil == "relative" else str(xdg)})
    assert found == place / "bot" / "run"
    assert mode(found) == mode(place / "bot") == 0o700


def test_a_profile_too_deep_for_a_socket_gets_a_private_place_in_the_shared_folder(place):
    profile = profile_directory(str(place / ("deep/" * 30)), {})
    deep_runtime = place / ("d" * MAX_RUNTIME_DIRECTORY_SIZE)
    deep_runtime.mkdir(mode=0o700)
    directory = profile.runtime_directory({"XDG_RUNTIME_DIR": str(deep_runtime)})
    assert directory.parent == place / "tmp" / f"balchat-{os.geteuid()}"
    assert mode(directory) == mode(directory.parent) == 0o700


def test_a_socket_fits_into_the_longest_runtime_directory(place):
    longest = place / "tmp" / ("x" * (MAX_RUNTIME_DIRECTORY_SIZE - len(str(place / "tmp" / "run")) - 1))
    directory = profile_directory(str(longest), {}).runtime_directory({})
    assert directory == longest / "run"
    assert len(str(directory)) == MAX_RUNTIME_DIRECTORY_SIZE
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "a-name-of-19-octets"))


def test_a_directory_that_cannot_be_made_is_an_error(place):
    (place / "file").touch()
    with pytest.raises(BadInput, match=r"it cannot be made \(Not a directory\)"):
        profile_directory(str(place / "file" / "bot"), {}).plugin_directory("network_tor")


def test_a_folder_that_others_made_or_can_enter_is_refused(place, monkeypatch):
    target = place / "tmp" / "balchat-1"
    target.touch()
    with pytest.raises(BadInput, match="it is not a directory"):
        make_private(place / "tmp", "balchat-1")
    target.unlink()
    (place / "elsewhere").mkdir(mode=0o700)
    target.symlink_to(place / "elsewhere")
    with pytest.raises(BadInput, match="it is not a directory"):
        make_private(place / "tmp", "balchat-1", "x")
    target.unlink()
    target.mkdir(mode=0o700)
    target.chmod(0o770)
    with pytest.raises(BadInput, match="others can get into it; make it private"):
        make_private(place / "tmp", "balchat-1", "x")
    target.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(BadInput, match="it belongs to somebody else"):
        make_private(place / "tmp", "balchat-1", "x")
    assert not any(target.iterdir())


def test_everything_that_is_made_is_private_whatever_the_umask(place):
    before = os.umask(0)
    try:
        directory = profile_directory(str(place / "deep" / "bot"), {}).plugin_directory("network_tor")
    finally:
        os.umask(before)
    assert directory == place / "deep" / "bot" / "plugins" / "network_tor"
    made = [directory, *list(directory.parents)[:3]]
    assert [mode(path) for path in made] == [0o700] * 4
