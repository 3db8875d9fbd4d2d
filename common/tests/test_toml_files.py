"""A file of settings is read, or refused with what is wrong: it says which code runs beside keys."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from balchat_common.toml_files import Unusable, anybodys_text, read_toml
from balchat_common.words import either, nearest, one_line


def test_a_file_is_read_whatever_editor_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xef\xbb\xbf[table]\r\nkey = 'v\xc3\xa4lue'\r\n")
    assert read_toml(file) == {"table": {"key": "välue"}}


def test_a_file_that_is_not_there_is_not_unusable(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_toml(tmp_path / "none")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (Path.mkdir, "no regular file"),
        (os.mkfifo, "no regular file"),
        (lambda file: file.symlink_to(file), "cannot be read"),
        (lambda file: file.write_text("x = " + "[" * 100_000), "nests too deeply"),
        (lambda file: file.write_text("a." * 63 + "x.b = 1\n"), "nests too deeply"),
        (lambda file: file.write_text("[t]\nx = {" + "a . 'b c' ." * 10_000 + "c = 1}"), "nests too deeply"),
        (lambda file: file.write_text("#" * 2**18 + "\n"), "more than 256 KiB"),
        (lambda file: file.write_text("x ="), "not TOML"),
        (lambda file: file.write_text("x = " + "1" * 5000), "not TOML"),
        (lambda file: file.write_bytes(b"x = '\xff'"), "not UTF-8 at octet 5"),
        (lambda file: file.write_bytes("[x]".encode("utf-16")), "UTF-16"),
        (lambda file: (file.touch(), file.chmod(0o606)), "everybody can write"),
    ],
)
def test_what_cannot_be_trusted_or_read_is_refused(
    tmp_path: Path, make: Callable[[Path], object], problem: str
) -> None:
    file = tmp_path / "settings.toml"
    make(file)
    with pytest.raises(Unusable) as caught:
        read_toml(file)
    assert problem in caught.value.problem
    assert caught.value.allowed


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.touch()

    def theirs(descriptor: int, really: Callable[[int], os.stat_result] = os.fstat) -> os.stat_result:
        fields = list(really(descriptor))
        fields[stat.ST_UID] = 4242
        return os.stat_result(fields)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", theirs)
        with pytest.raises(Unusable, match="somebody else"):
            read_toml(file)


def test_words_are_joined_as_people_do() -> None:
    assert [one_line(words) for words in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "nothing",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert either(["a", "b", "c"]) == "a, b or c"


def test_a_near_miss_is_found() -> None:
    assert nearest("polcy", ["policy", "colour"]) == "policy"
    assert nearest("x", ["policy", "colour"]) is None


def test_a_file_that_decides_nothing_may_be_anybodys(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("key = 1")
    file.chmod(0o666)
    with pytest.raises(Unusable, match="everybody can write to it"):
        read_toml(file)
    assert anybodys_text(file) == "key = 1"
    file.write_bytes(b"\xff")
    with pytest.raises(Unusable, match="not UTF-8"):
        anybodys_text(file)
