"""Whoever types another command than `balchat tui` does not wait for what draws it, and that waits for nothing else."""

import subprocess
import sys


def _said(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_plugin_is_registered_without_its_screen() -> None:
    assert _said("import sys, balchat_ui_tui.plugin as p; p.balchat_front_ends(); print('textual' in sys.modules)") == (
        "False\n"
    )


def test_the_first_frame_waits_for_no_account_and_no_other_plugin() -> None:
    start = "from balchat_host.__main__ import run; run(['tui', '--help'])"
    frame = "import sys, balchat_ui_tui.app"
    late = (
        "{'balchat_host.api.frontend', 'balchat_host.local_profile', 'balchat_network_tor', 'balchat_ui_web', 'anyio'}"
    )
    said = _said(f"{start}; {frame}; print(*{late} & set(sys.modules))")
    assert said.startswith("Usage: balchat tui")
    assert said.splitlines()[-1] == ""
