"""The command `balchat` before it has found its front end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.announcing import announce

SCRIPT = """
import resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
sys.argv = ["balchat", "version"]
from balchat_host.__main__ import main
main()
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def test_a_crash_leaves_no_core_file_with_keys_in_it() -> None:
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "0"


def test_an_error_before_there_is_a_front_end_is_json_where_that_is_wanted() -> None:
    line = [sys.executable, "-m", "balchat_host", "--set", "nonsense", "code"]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (8, "")
    assert told.stderr.startswith("balchat: --set: nonsense: ")
    told = subprocess.run([*line, "--json"], capture_output=True, text=True, check=False)
    assert json.loads(told.stderr)["error"]["code"] == "configuration"


PROGRAM = """
from balchat_host.api.descriptors import FrontEndDescriptor
from balchat_host.api.errors import BadInput
from balchat_host.api.hookspecs import hookimpl

def program(host, arguments):
    {program}

@hookimpl
def balchat_front_ends():
    return [FrontEndDescriptor(name="brittle", summary="Fails", api_version=1, program=program)]
"""


@pytest.mark.parametrize(
    ("program", "wanted", "code", "told"),
    [
        ("raise KeyError('a name')", "", 9, "balchat: {name} cannot be used: its program raised KeyError.\n"),
        ("raise KeyError('a name')", "1", 9, "balchat: {name} cannot be used: its program raised KeyError.\n"),
        ("raise BadInput(what='It', problem='is not so')", "", 3, "balchat: It: is not so\n"),
        ("raise SystemExit(4)", "", 4, ""),
        ("return 5", "", 5, ""),
    ],
)
def test_a_program_that_fails_is_named(tmp_path: Path, program: str, wanted: str, code: int, told: str) -> None:
    announce(tmp_path, {"brittle": "brittle_plugin"}, distribution="balchat-brittle")
    (tmp_path / "brittle_plugin.py").write_text(PROGRAM.format(program=program))
    chosen = ["--set", 'plugins.enabled=["storage_sqlcipher", "crypto_mls", "network_tor", "brittle"]']
    said = subprocess.run(
        [sys.executable, "-m", "balchat_host", *chosen, "--set", "plugins.program=brittle"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "BALCHAT_TRACEBACK": wanted},
    )
    assert said.returncode == code
    message = told.format(name="The plugin brittle (balchat-brittle 1.0)")
    assert said.stderr.endswith(message)
    assert ("brittle_plugin.py" in said.stderr) is bool(wanted)
