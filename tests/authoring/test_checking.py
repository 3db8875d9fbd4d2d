"""The verdicts of `balchat plugins check`: on plugins that are good, and on what authors do wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import BadInput, NoSuchPlugin
from balchat_host.api.frontend import PluginKind
from balchat_host.authoring import checking
from balchat_host.authoring.scaffold import new_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from balchat_host.api.types import Check

PROGRAM = "ui_cli"
TEST = """
from balchat_host.testing.memory_account import MemoryAccount

def test_nothing():
    {body}
"""


def verdicts(plugin: Path | str, **overrides: str) -> Sequence[Check]:
    given: Mapping[str, str] = {f"settings.{key.replace('__', '.')}": value for key, value in overrides.items()}
    return list(checking.check_plugin(str(plugin), program=PROGRAM, overrides=given))


def problem(found: Sequence[Check]) -> str:
    """Return what is wrong, of which there is one, and it comes last."""
    assert [check.problem is None for check in found[:-1]] == [True] * (len(found) - 1)
    assert found[-1].problem is not None, found
    return found[-1].problem.what


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    """A front end whose tests are quick."""
    folder = new_plugin(PluginKind.FRONT_END, "bell", tmp_path)
    (folder / "tests" / "test_bell.py").write_text(TEST.format(body="assert MemoryAccount"))
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / "balchat_ui_bell" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_a_good_transport_makes_contact_and_carries_a_message(tmp_path: Path) -> None:
    folder = new_plugin(PluginKind.TRANSPORT, "bell", tmp_path)
    # The kit itself runs in another test.
    (folder / "tests" / "test_bell.py").write_text("# transport_kit\ndef test_nothing(): pass\n")
    found = verdicts(folder)
    assert [check.problem for check in found] == [None] * len(found)
    names = [check.name for check in found]
    assert names == [
        "transport_bell", "settings of transport_bell", "tests", "run", "end", "first contact", "message", "message",
    ]  # fmt: skip
    assert "with transport_kit" in found[2].finding
    assert "two accounts became contacts" in found[5].finding


@pytest.mark.slow
def test_a_transport_that_uses_relays_is_tried_at_one_that_goes_again(tmp_path: Path) -> None:
    # Its own tests run elsewhere. The path is short, as sockets need one.
    with tempfile.TemporaryDirectory(prefix="balchat-") as folder:
        Path(folder, "run").mkdir(mode=0o700)
        ran = subprocess.run(
            [sys.executable, "-m", "balchat_host.authoring.trial", folder, "transport_relay", PROGRAM],
            env=os.environ | {"XDG_RUNTIME_DIR": f"{folder}/run"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert [json.loads(line)["finding"] for line in ran.stdout.splitlines()][-4:] == [
        "two accounts became contacts, at a relay of the trial",
        "one was delivered (there)",
        "one was delivered (and back)",
        "one waited for who was away",
    ]


@pytest.mark.slow
def test_a_good_front_end_is_well_and_nothing_is_left_of_the_trial(bot: Path, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    found = verdicts(bot, ui_bell__answer="here")
    assert [check.problem for check in found] == [None] * len(found), found
    assert {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts} == before


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("plugin.py", "from typing", "import loft_of_nobody\nfrom typing", "ModuleNotFoundError"),
        ("plugin.py", "from typing", "import sys; sys.exit(3)\nfrom typing", "SystemExit"),
        ("plugin.py", "api_version=1", "api_version=99", "made for version 99"),
        ("plugin.py", 'name="ui_bell"', 'name="ui_other"', "it registers ui_other"),
        ("plugin.py", "    return [", "    return 5, [", "gave a list with int"),
        ("settings.py", '= "pong"', "= 5", "the default of answer is refused"),
        ("settings.py", ' = "pong"', "", "answer: it is not set"),
    ],
)
def test_what_cannot_be_registered_is_told_at_once(bot: Path, file: str, old: str, new: str, what: str) -> None:
    change(bot, file, old, new)
    found = problem(verdicts(bot))
    assert what in found
    assert ("bell" in found.partition("Traceback")[2]) is (file == "plugin.py" and "raise" in found)


def test_a_required_setting_is_named_with_the_option_that_gives_it(bot: Path) -> None:
    change(bot, "settings.py", ' = "pong"', "")
    found = verdicts(bot)
    assert found[-1].problem is not None
    assert "--set settings.ui_bell.answer=VALUE" in found[-1].problem.remedy


def test_tests_that_fail_hang_or_use_no_kit_are_told(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = bot / "tests" / "test_bell.py"
    test.write_text(TEST.format(body="assert not MemoryAccount"))
    assert "FAILED tests/test_bell.py::test_nothing - " in problem(verdicts(bot))
    test.write_text("def test_nothing(): pass")
    assert "neither a kit nor an account" in problem(verdicts(bot))
    test.write_text(TEST.format(body="import threading; threading.Event().wait()"))
    monkeypatch.setattr(checking, "TESTS_LIMIT", 1.0)
    assert "did not end within 1 s" in problem(verdicts(bot))
    test.unlink()
    test.parent.rmdir()
    assert "no folder `tests`" in problem(verdicts(bot))


def test_a_module_that_blocks_is_told(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(bot, "plugin.py", "from typing", "import threading; threading.Event().wait()\nfrom typing")
    monkeypatch.setattr(checking, "INSPECTION_LIMIT", 1.0)
    assert "was not done within 1 s" in problem(verdicts(bot))


@pytest.mark.slow
def test_what_fails_in_an_account_is_told(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(bot, "bot.py", "        task_status.started()\n", "        raise KeyError('a name')\n")
    told = problem(verdicts(bot))
    assert "run() raised KeyError" in told
    # An account tells nobody what an exception says; the author is told.
    assert "KeyError: 'a name'" in told
    change(bot, "bot.py", "raise KeyError('a name')", "import threading; threading.Event().wait()")
    monkeypatch.setattr(checking, "TRIAL_LIMIT", 8.0)
    assert "was not done within 8 s" in problem(verdicts(bot))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "cannot be read"),
        ("[project", "must be TOML"),
        ("[project]\nversion = '1'", "must be TOML with a table"),
        ("[project]\nname = 'balchat-ui-bell'", "announces no plugin"),
    ],
)
def test_a_folder_that_is_no_plugin_is_refused(text: str | None, what: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BadInput, match=what):
        verdicts(tmp_path)


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(NoSuchPlugin):
        verdicts("ui_nobody")


@pytest.mark.slow
def test_the_command_ends_with_what_it_found(bot: Path) -> None:
    def check() -> tuple[int, list[dict[str, object]]]:
        command = [sys.executable, "-m", "balchat_host", "plugins", "check", str(bot), "--json"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]

    code, found = check()
    assert (code, {each["problem"] for each in found}) == (0, {None})
    change(bot, "plugin.py", "api_version=1", "api_version=99")
    code, found = check()
    assert code == 9
    assert "version 99" in str(found[-1]["problem"])
