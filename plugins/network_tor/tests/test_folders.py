"""Where tor's folders are: its sockets need names that a unix socket can have."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from balchat_network_tor import folders
from balchat_network_tor.folders import Folders

from balchat_host.api.errors import NetworkUnavailable


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="b", dir="/tmp") as name:
        yield Path(name)


def sound(made: Folders) -> Path:
    """Listen where tor brings streams, and remove it; return where that was."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(made.run / "onion-0000"))
    made.remove_run()
    assert not made.run.exists()
    return made.run


def test_sockets_lie_beside_what_lasts(short: Path) -> None:
    assert sound(Folders.make(short)) == short / "run"


@pytest.mark.parametrize("temporary", ["t", "a b", *("t" * size for size in (60, 70, 80))])
def test_of_a_profile_that_is_too_deep_they_lie_where_their_names_are_short_enough(
    short: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    deep = short / ("d" * 90)
    for folder in (deep, short / temporary):
        folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(short / temporary))
    where = sound(Folders.make(deep)).parent
    assert where == (short / temporary if temporary == "t" else Path("/tmp"))


def test_where_no_name_is_short_enough_it_says_what_to_do(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = short / ("d" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(folders, "_SHARED", deep)
    with pytest.raises(NetworkUnavailable, match="Set TMPDIR to a folder with a short name and no blanks"):
        Folders.make(deep)
