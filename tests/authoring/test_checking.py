"""The verdicts of `balchat plugins check`: on plugins that are good, and on what authors do wrong."""

from __future__ import annotations

import fcntl
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
from balchat_host.authoring.subject import find_subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from balchat_host.api.types import Check

PROGRAM = "ui_cli"
TEST = """
# {kit}, which is quickly said and takes long to run: the kits run in other tests

def test_nothing():
    {body}
"""


ABORT = "import os, signal; os.kill(os.getpid(), signal.SIGABRT)"
"""As if it had blocked until the limit."""


CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\nfrom typing"
FORGE = """import os
for each in range(3, 256):
    try:
        os.write(each, b'[' * 100_000)
    except OSError:
        pass
from typing"""


def verdicts(plugin: Path | str, **overrides: str) -> Sequence[Check]:
    given: Mapping[str, str] = {key.replace("__", "."): value for key, value in overrides.items()}
    return list(checking.check_plugin(str(plugin), program=PROGRAM, overrides=given))


def problem(found: Sequence[Check]) -> str:
    """Return what is wrong, of which there is one; after it comes only what was not tried."""
    tried = [check for check in found if check.tried]
    assert [*tried, *found[len(tried) :]] == list(found)
    assert [check.problem is None for check in tried[:-1]] == [True] * (len(tried) - 1)
    assert tried[-1].problem is not None, found
    return tried[-1].problem.what


def left_out(found: Sequence[Check]) -> Sequence[str]:
    return [check.name for check in found if not check.tried]


@pytest.fixture
def bot(tmp_path: Path) -> Path:
    """A front end whose tests are quick."""
    return quick(PluginKind.FRONT_END, tmp_path, "front_end_kit")


def quick(kind: PluginKind, parent: Path, kit: str) -> Path:
    """Make a plugin whose tests are quick."""
    folder = new_plugin(kind, "bell", parent)
    (folder / "tests" / "test_bell.py").write_text(TEST.format(kit=kit, body="pass"))
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    (path,) = folder.glob(f"balchat_*/{file}")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_a_good_transport_makes_contact_and_carries_a_message(tmp_path: Path) -> None:
    found = verdicts(quick(PluginKind.TRANSPORT, tmp_path, "transport_kit"))
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
    *told, done = [json.loads(line) for line in ran.stdout.splitlines()]
    assert done is None
    assert [each["finding"] for each in told][-4:] == [
        "two accounts became contacts, at a relay of the trial",
        "one was delivered (there)",
        "one was delivered (and back)",
        "one waited for who was away",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("plugin.py", "from typing", "import loft_of_nobody\nfrom typing", "ModuleNotFoundError"),
        ("plugin.py", "from typing", "import sys; sys.exit(3)\nfrom typing", "SystemExit"),
        ("plugin.py", "from typing", "raise KeyboardInterrupt\nfrom typing", "it raised KeyboardInterrupt, which is a"),
        ("plugin.py", "from typing", "import os; os._exit(0)\nfrom typing", "before all was looked at"),
        ("plugin.py", "from typing", CRASH, "its process crashed (SIGSEGV)"),
        ("plugin.py", "from typing", FORGE, "said something else than a verdict"),
        ("plugin.py", "api_version=1", "api_version=99", "made for version 99"),
        ("plugin.py", 'name="ui_bell"', 'name="ui_other"', "it registers ui_other"),
        ("plugin.py", "    return [", "    return 5, [", "gave a list with int"),
        ("settings.py", '= "pong"', "= 5", "the default of answer is refused"),
        ("settings.py", ' = "pong"', "", "answer: it is not set"),
    ],
)
def test_what_cannot_be_registered_is_told_at_once(bot: Path, file: str, old: str, new: str, what: str) -> None:
    change(bot, file, old, new)
    told = verdicts(bot)
    assert left_out(told) == ["tests", "use by accounts"]
    found = problem(told)
    assert what in found
    if "raised " in found and "KeyboardInterrupt" not in found:  # a traceback begins where the plugin does
        assert "importlib" not in found


def test_a_required_setting_is_named_with_the_option_that_gives_it(bot: Path) -> None:
    change(bot, "settings.py", ' = "pong"', "")
    (wrong,) = [check.problem for check in verdicts(bot) if check.problem]
    assert "--set settings.ui_bell.answer=VALUE" in wrong.remedy


def test_tests_that_fail_hang_or_use_no_kit_are_told(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = bot / "tests" / "test_bell.py"
    test.write_text(TEST.format(kit="memory_account", body="raise AssertionError"))
    found = verdicts(bot)
    assert "FAILED tests/test_bell.py::test_nothing - " in problem(found)
    assert left_out(found) == ["use by accounts"]
    assert found[-1].finding == "not tried: mend what is wrong first"
    test.write_text("def test_nothing(): pass")
    assert "neither a kit nor an account" in problem(verdicts(bot))
    test.write_text(TEST.format(kit="memory_account", body="import threading; threading.Event().wait()"))
    monkeypatch.setattr(checking, "TESTS_LIMIT", 1.0)
    assert "did not end within 1 s; " in problem(verdicts(bot))
    test.unlink()
    test.parent.rmdir()
    assert "no folder `tests`" in problem(verdicts(bot))


def test_a_module_that_blocks_is_told(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(bot, "plugin.py", "from typing", "import threading; threading.Event().wait()\nfrom typing")
    monkeypatch.setattr(checking, "INSPECTION_LIMIT", 1.0)
    assert "was not done within 1 s" in problem(verdicts(bot))


def test_where_a_process_stood_when_it_was_ended_is_told(bot: Path) -> None:
    change(bot, "plugin.py", "from typing", f"{ABORT}\nfrom typing")
    innermost = problem(verdicts(bot)).splitlines()[1]
    assert "balchat_ui_bell/plugin.py" in innermost
    assert "in <module>" in innermost


@pytest.mark.slow
def test_what_fails_in_an_account_is_told(bot: Path) -> None:
    change(bot, "bot.py", "        task_status.started()\n", "        raise KeyError('a name')\n")
    told = problem(verdicts(bot))
    assert "run() raised KeyError" in told
    # An account tells nobody what an exception says; the author is told.
    assert "KeyError: 'a name'" in told
    change(bot, "bot.py", "raise KeyError('a name')", ABORT)
    assert "balchat_ui_bell/bot.py" in problem(verdicts(bot)).splitlines()[1]
    change(bot, "bot.py", ABORT, "import anyio; await anyio.sleep_forever()")
    told = problem(verdicts(bot, plugins__start_timeout_seconds="1"))
    assert told.startswith("ui_bell did not come up; ")
    assert "run() has not called started() within 1 s" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "kit"), [(PluginKind.STORAGE, "storage_kit"), (PluginKind.CRYPTO, "crypto_kit")], ids=str
)
def test_what_a_storage_or_an_engine_fails_with_when_it_is_made_is_told(
    kind: PluginKind, kit: str, tmp_path: Path
) -> None:
    folder = quick(kind, tmp_path, kit)
    change(folder, "plugin.py", "    del settings\n", "    raise KeyError('a name')\n")
    told = problem(verdicts(folder))
    assert told.startswith(f"The plugin {kind}_bell (balchat-{kind}-bell 0.1.0) cannot be used: its factory raised")
    assert 'plugin.py", line' in told
    assert told.endswith("KeyError: 'a name'")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("", "", None),
        ("api_version=1", "api_version=9", "made for version 9"),
        ("from typing", "import loft_of_nobody\nfrom typing", "No module named 'loft_of_nobody'"),
        ("from typing", "import sys; sys.exit(3)\nfrom typing", "cannot be imported: SystemExit: 3"),
        ("STORE: Final", "SHOP: Final", "has no attribute 'STORE'"),
        ("STORE: Final = StoreDescriptor(", "STORE: Final = dict(", "gives dict, not a StoreDescriptor"),
        ("api_version=1", "api_version=1, settings=int", "settings"),
    ],
    ids=lambda value: "" if not value or "=" in value or "\n" in value else value,
)
def test_the_store_of_a_relay_is_looked_at(old: str, new: str, what: str | None, tmp_path: Path) -> None:
    folder = quick(PluginKind.RELAY_STORE, tmp_path, "store_kit")
    if what is None:
        found = verdicts(folder)
        assert [check.name for check in found] == ["relay_store_bell", "settings of relay_store_bell", "tests"]
        assert found[0].finding.startswith("relay store: Keeps everything in memory")
        assert found[0].finding.endswith("; for version 1 of the contract")
        assert found[2].problem is None
    else:
        change(folder, "store.py", old, new)
        found = verdicts(folder)
        assert what in problem(found)
        assert left_out(found) == ["tests"], "no account uses it"


NAMED = "[project]\nname = 'balchat-ui-bell'\n"
ANNOUNCES = f"{NAMED}[project.entry-points.'balchat.plugins.v1']\n"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "it has no pyproject.toml; name the folder of its distribution"),
        ("[project", "it is not TOML"),
        (f"x = {'[' * 9999}", "nests too deeply"),
        ("#" * 300_000, "more than 256 KiB"),
        ("project = 1", r"\[project\] must be a table"),
        ("[project]\nversion = '1'", "must have a name"),
        ("[project]\nname = 5", "must have a name"),
        ("[project]\nname = '../../elsewhere'", "must have a name"),
        ("[project]\nname = 'a\\nb'", "must have a name"),
        (f"[project]\nname = '{'x' * 300}'", "must have a name"),
        (f"{NAMED}version = '1/2'", "version must be"),
        (f"{NAMED}version = 1", "version must be"),
        (NAMED, "announces no plugin"),
        (f"{NAMED}[project.entry-points]\n'balchat.plugins.v1' = ['a']", "must be a table"),
        (f"{ANNOUNCES}'' = 'a'", "is no name of a plugin"),
        (f"{ANNOUNCES}'-x' = 'a'", "is no name of a plugin"),
        (f"{ANNOUNCES}\"ui_bell\\n[x]\" = 'a'", "is no name of a plugin"),
        (f"{ANNOUNCES}ui_bell = 5", "must name a module"),
        (f"{ANNOUNCES}ui_bell = 'a:'", "must name a module"),
        (ANNOUNCES + "".join(f"ui_{number} = 'a'\n" for number in range(40)), "40 plugins; 32 are the most"),
    ],
    ids=lambda value: "" if value is None else value[-24:],
)
def test_a_folder_that_is_no_plugin_is_refused(text: str | None, what: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BadInput, match=what):
        verdicts(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pyproject.toml"
    os.mkfifo(pipe)
    with pytest.raises(BadInput, match="no regular file"):
        verdicts(tmp_path)
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    with pytest.raises(BadInput, match="no regular file"):
        verdicts(tmp_path)
    for file, what in (("bell.whl", "install it, and check it by the name"), ("bell.py", "name the folder of its")):
        (tmp_path / file).touch()
        with pytest.raises(BadInput, match=what):
            verdicts(tmp_path / file)
    halves = tmp_path / "one:two"
    halves.mkdir()
    (halves / "pyproject.toml").write_text(f"{ANNOUNCES}ui_bell = 'a'")
    with pytest.raises(BadInput, match="move it"):
        verdicts(halves)


def test_a_name_that_an_installed_plugin_has_is_told(bot: Path) -> None:
    file = bot / "pyproject.toml"
    file.write_text(file.read_text().replace("ui_bell =", "ui_cli ="))
    assert "balchat-ui-bell 0.1.0 and balchat-ui-cli 0.1.0 each bring a plugin of this name" in problem(verdicts(bot))


def test_nothing_is_imported_from_the_folder_that_one_is_in(bot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = bot.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "csv.py").write_text("raise SystemExit('from a folder of somebody else')")
    monkeypatch.chdir(elsewhere)
    change(bot, "plugin.py", "api_version=1", "api_version=99")  # it is looked at no further
    assert "made for version 99" in problem(verdicts(bot))


def test_what_a_plugin_leaves_behind_is_ended_and_not_waited_for(bot: Path, tmp_path: Path) -> None:
    # It holds every pipe open that there is.
    left = f"""import os
import fcntl, signal
fcntl.flock(held := open({str(tmp_path / "held")!r}, "w"), fcntl.LOCK_EX)
if os.fork() == 0:
    signal.pause()
raise KeyError
from typing"""
    change(bot, "plugin.py", "from typing", left)
    assert "raised KeyError" in problem(verdicts(bot))
    with (tmp_path / "held").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_set_for_accounts_of_a_terminal_is_not_for_those_of_a_trial(
    bot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALCHAT_SET_PLUGINS__ENABLED", '["ui_cli"]')
    with find_subject(str(bot)).environment() as environment:
        assert not [name for name in environment if name.startswith("BALCHAT_SET_")]


def test_a_flood_is_not_kept(bot: Path) -> None:
    flood = "import os, sys; [os.write(2, b'x' * 65536) for _ in range(1024)]; sys.exit('the end of it')\nfrom typing"
    change(bot, "plugin.py", "from typing", flood)
    found = problem(verdicts(bot))
    assert "the end of it" in found
    assert len(found) < 1_000_000


def test_a_name_that_nobody_has_is_refused() -> None:
    with pytest.raises(NoSuchPlugin):
        verdicts("ui_nobody")


@pytest.mark.slow
def test_the_command_ends_with_what_it_found_and_leaves_nothing_behind(bot: Path, tmp_path: Path) -> None:
    def check() -> tuple[int, list[dict[str, object]]]:
        given = ["--set", "settings.ui_bell.answer=here"]
        command = [sys.executable, "-m", "balchat_host", *given, "plugins", "check", str(bot), "--json"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()]

    before = {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts}
    code, found = check()
    assert (code, {each["problem"] for each in found}) == (0, {None})
    assert {path for path in tmp_path.rglob("*") if "__pycache__" not in path.parts} == before
    change(bot, "plugin.py", "api_version=1", "api_version=99")
    code, found = check()
    assert code == 9
    (wrong,) = [each["problem"] for each in found if each["problem"]]
    assert "version 99" in str(wrong)
    assert [(each["name"], each["problem"]) for each in found if not each["tried"]] == [
        ("tests", None), ("use by accounts", None),
    ]  # fmt: skip
