"""A command that asks for little waits for little: what has been imported when the command line begins."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from pathlib import Path
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.profiles import profile_directory
from balchat_host.loader.roles import load_program
directory = profile_directory(sys.argv[1], {}).directory
load_program(load_configuration(directory, system_file=Path("/nowhere"), environment={}))
print(*sorted(sys.modules))
"""

CONTRACTS = {f"balchat_host.api.{name}" for name in ("crypto", "frontend", "network", "storage", "transport", "views")}


@pytest.fixture
def imported(install, tmp_path):
    """Begin with a profile that has this file; return the modules that were imported."""
    install.stones("ui_stone", "network_stone")
    source = install.source("ui_stone").splitlines(keepends=True)
    lean = [line for line in source if not line.startswith("from balchat_host.api.transport")]
    (install.folder / "ui_stone.py").write_text("".join(lean))

    def run(more):
        (tmp_path / "balchat.toml").write_text(
            "plugins.enabled = ['storage_sqlcipher', 'crypto_mls', 'network_tor', 'ui_stone']\n"
            "plugins.program = 'ui_stone'\n" + more
        )
        script = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)],
            capture_output=True,
            check=True,
            text=True,
            env={"PYTHONPATH": str(install.folder)},
        )
        return set(script.stdout.split())

    return run


def test_the_command_line_waits_neither_for_other_plugins_nor_for_contracts(imported):
    modules = imported("[delivery]\npolicy = 'both'\n[settings.network_tor]\ntor = '/usr/bin/tor'\n")
    assert "ui_stone" in modules
    ours = {name.partition(".")[0] for name in modules if name.startswith("balchat_")}
    assert ours == {"balchat_common", "balchat_host"}
    assert not modules & CONTRACTS
    assert not modules & {"anyio", "asyncio", "network_stone"}
