from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from balchat_host.api.errors import WrongSecret
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfile, MemoryProfiles
    from conftest import Cli


def assert_opens(account: MemoryAccount, secret: str, slot: SlotKind = SlotKind.PASSPHRASE) -> None:
    anyio.run(account.vault.verify_slot, slot, Secret.from_text(secret))


def test_init_makes_an_account_and_shows_the_recovery_code_once(cli: Cli, host: MemoryProfiles, key: str) -> None:
    made = cli("init", "--name", "Alice", key)
    assert made.code == 0
    code = host.profile().account.recovery_code.reveal().decode()
    assert made.out.count(code) == 1
    assert "Write it on paper" in made.out
    prose = [line for line in made.out.splitlines() if str(host.profile().directory) not in line]
    assert max(map(len, prose)) <= 80
    assert str(host.profile().directory) in made.out
    assert host.profile().account.name == "Alice"


def test_init_as_json(cli: Cli, host: MemoryProfiles, key: str) -> None:
    assert cli.json("init", "--name", "Alice", key, "--profile", "work") == {
        "profile": "work",
        "directory": str(host.profile("work").directory),
        "name": "Alice",
        "recovery_code": host.profile("work").account.recovery_code.reveal().decode(),
    }


def test_init_checks_the_name_before_it_asks_for_a_passphrase(cli: Cli, host: MemoryProfiles) -> None:
    # There is nothing to read a passphrase from.
    for name in ("", "x" * 65, "Bob\u202e", nobody(1).onion):
        result = cli("init", "--name", name, "--json")
        assert (result.code, result.error["code"], result.error["fields"]["what"]) == (3, "bad-input", "The name")
        assert not host.profile().exists()


def test_init_prints_the_name_as_it_is_kept(cli: Cli, host: MemoryProfiles, pipe_with: Callable[[bytes], int]) -> None:
    passphrase = ["--passphrase-fd", str(pipe_with(b"correct horse battery staple\n"))]
    assert cli.json("init", "--name", " Rene\u0301  B. ", *passphrase)["name"] == "Ren\u00e9 B."
    assert host.profile().account.name == "Ren\u00e9 B."


def test_init_never_touches_an_account_that_is_there(cli: Cli, profile: MemoryProfile) -> None:
    result = cli("init", "--name", "Mallory", "--json")
    assert result.code == 3
    assert result.error["code"] == "account-exists"
    assert profile.account.name == "Alice"


def test_init_refuses_a_weak_passphrase(cli: Cli, host: MemoryProfiles, pipe_with: Callable[[bytes], int]) -> None:
    result = cli("init", "--name", "Alice", "--passphrase-fd", str(pipe_with(b"short\n")))
    assert (result.code, result.out) == (3, "")
    assert "too weak" in result.err
    assert not host.profile().exists()


def test_init_without_a_terminal_wants_a_name(cli: Cli, key: str) -> None:
    result = cli("init", key)
    assert result.code == 3
    assert "--name" in result.err


def test_code_is_one_line_that_can_be_piped(cli: Cli, alice: MemoryAccount) -> None:
    result = cli.ok("code")
    assert result.out.startswith("balchat:")
    assert result.out.count("\n") == 1
    shown = cli.json("code")
    assert shown["code"] == result.out.strip()
    assert shown["peer_id"] == alice.peer.octets.hex()
    assert shown["onion"] == alice.peer.onion
    assert shown["name"] == "Alice"


def test_code_as_json_has_no_picture(cli: Cli, alice: MemoryAccount) -> None:
    assert cli.json("code", "--qr") == cli.json("code")


def test_the_passphrase_changes(cli: Cli, profile: MemoryProfile, key: str, pipe_with: Callable[[bytes], int]) -> None:
    changed = cli.json("passphrase", "change", key, "--new-passphrase-fd", str(pipe_with(b"a new long one\n")))
    assert changed == {"changed": True}
    assert cli("code", key).code == 4
    assert cli("code", "--passphrase-fd", str(pipe_with(b"a new long one\n"))).code == 0


def test_the_recovery_code_opens_the_account_and_sets_a_new_passphrase(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    code = profile.account.recovery_code.reveal()
    old, new = pipe_with(code + b"\n"), pipe_with(b"a new long one\n")
    cli.ok("passphrase", "change", "--recovery-code", "--passphrase-fd", str(old), "--new-passphrase-fd", str(new))
    assert_opens(profile.account, "a new long one")


def test_both_passphrases_can_come_from_one_descriptor(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    both = str(pipe_with(b"correct horse battery staple\na new long one\n"))
    cli.ok("passphrase", "change", "--passphrase-fd", both, "--new-passphrase-fd", both)
    assert_opens(profile.account, "a new long one")


def test_the_passphrase_changes_while_balchat_runs(
    cli: Cli, alice: MemoryAccount, key: str, pipe_with: Callable[[bytes], int]
) -> None:
    cli.ok("passphrase", "change", key, "--new-passphrase-fd", str(pipe_with(b"a new long one")))
    assert_opens(alice, "a new long one")


def test_a_new_recovery_code(cli: Cli, alice: MemoryAccount, key: str) -> None:
    renewed = cli.json("recovery", "renew", key)["recovery_code"]
    assert_opens(alice, renewed, SlotKind.RECOVERY_CODE)
    shown = cli.ok("recovery", "renew", key).out
    assert renewed not in shown
    with pytest.raises(WrongSecret):
        assert_opens(alice, renewed, SlotKind.RECOVERY_CODE)


def test_a_new_recovery_code_is_not_made_with_the_old_one(cli: Cli, alice: MemoryAccount, key: str) -> None:
    result = cli("recovery", "renew", "--recovery-code", key, "--json")
    assert (result.code, result.error["code"], result.error["fields"]["what"]) == (3, "bad-input", "--recovery-code")
    assert_opens(alice, alice.recovery_code.reveal().decode(), SlotKind.RECOVERY_CODE)


def test_backup_into_a_directory_and_to_a_new_path(cli: Cli, alice: MemoryAccount, key: str, tmp_path: Path) -> None:
    into = cli.json("backup", str(tmp_path))["path"]
    assert into.startswith(f"{tmp_path}/balchat-default-")
    assert cli.json("backup", str(tmp_path / "copy")) == {"path": str(tmp_path / "copy"), "files": False}
    assert cli.json("restore", str(tmp_path / "copy"), key, "--profile", "new")["profile"] == "new"


def test_backup_takes_a_relative_path(cli: Cli, alice: MemoryAccount, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.json("backup", "copy")["path"] == str(tmp_path / "copy")


def test_restore_makes_the_account_again(cli: Cli, host: MemoryProfiles, key: str) -> None:
    host.profile("old").make("Alice")
    backup = str(host.profile("old").directory)
    restored = cli.json("restore", backup, key, "--profile", "new")
    assert restored == {"profile": "new", "directory": str(host.profile("new").directory)}
    assert host.profile("new").account.name == "Alice"


def test_restore_says_what_comes_next(cli: Cli, host: MemoryProfiles, key: str) -> None:
    host.profile("old").make("Alice")
    said = cli.ok("restore", str(host.profile("old").directory), key, "--profile", "new").out
    assert "Next: `balchat up`" in said
    assert "Contacts are asked again" in said
    assert max(len(line) for line in said.splitlines() if str(host.profile("new").directory) not in line) <= 80


def test_restore_never_touches_an_account_that_is_there(cli: Cli, profile: MemoryProfile, host: MemoryProfiles) -> None:
    host.profile("other").make("Mallory")
    result = cli("restore", str(host.profile("other").directory), "--json")
    assert (result.code, result.error["code"]) == (3, "account-exists")
    assert profile.account.name == "Alice"


def test_restore_of_nothing_asks_for_no_passphrase(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a backup")
    for name in ("absent", "file"):
        result = cli("restore", str(tmp_path / name), "--json")
        assert (result.code, result.error["code"]) == (3, "bad-input")
        assert "a backup is a folder" in result.error["message"]


def test_restore_with_a_wrong_passphrase_makes_nothing(
    cli: Cli, host: MemoryProfiles, pipe_with: Callable[[bytes], int]
) -> None:
    host.profile("old").make("Alice")
    wrong = str(pipe_with(b"wrong\n"))
    result = cli("restore", str(host.profile("old").directory), "--profile", "new", "--passphrase-fd", wrong, "--json")
    assert (result.code, result.error["code"]) == (4, "wrong-secret")
    assert not host.profile("new").exists()


# -- where a passphrase comes from


def test_a_passphrase_file_that_others_can_read_is_refused(cli: Cli, profile: MemoryProfile, tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o620, 0o660):
        file = tmp_path / f"passphrase-{mode}"
        file.write_text("correct horse battery staple\n")
        file.chmod(mode)
        result = cli("code", "--passphrase-file", str(file), "--json")
        assert (result.code, result.error["code"]) == (3, "bad-passphrase-file")
        assert "chmod 600" in result.error["message"]
        assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_passphrase_file_that_is_no_file_is_refused(cli: Cli, profile: MemoryProfile, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name in ("fifo", "absent", "."):
        result = cli("code", "--passphrase-file", str(tmp_path / name), "--json")
        assert (result.code, result.error["code"]) == (3, "bad-passphrase-file")
        assert "--passphrase-fd" in result.error["message"]


def test_only_the_first_line_is_the_passphrase(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    for spelling in (b"%s\n", b"%s", b"%s\r\n", b"%s\nmore\n"):
        octets = spelling % b"correct horse battery staple"
        assert cli("code", "--passphrase-fd", str(pipe_with(octets))).code == 0


def test_an_endless_or_empty_passphrase_is_refused(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    for octets, problem in ((b"x" * 5000, "longer than 1024"), (b"", "empty"), (b"\n", "empty")):
        result = cli("code", "--passphrase-fd", str(pipe_with(octets)))
        assert result.code == 3
        assert problem in result.err


def test_a_descriptor_that_is_not_open(cli: Cli, profile: MemoryProfile) -> None:
    result = cli("code", "--passphrase-fd", "999")
    assert result.code == 3
    assert "descriptor 999 cannot be read" in result.err


def test_two_sources_are_one_too_many(cli: Cli, profile: MemoryProfile, key: str) -> None:
    result = cli("code", key, "--passphrase-fd", "0")
    assert result.code == 3
    assert "give one of them" in result.err


def test_a_wrong_passphrase_has_its_own_exit_code(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    result = cli("code", "--passphrase-fd", str(pipe_with(b"wrong\n")), "--json")
    assert result.code == 4
    assert result.error["code"] == "wrong-secret"


def test_no_option_takes_the_passphrase_itself(cli: Cli, profile: MemoryProfile, monkeypatch: Any) -> None:
    monkeypatch.setenv("BALCHAT_PASSPHRASE", "correct horse battery staple")
    assert cli("code", "--passphrase", "correct horse battery staple").code == 2
