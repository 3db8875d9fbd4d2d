"""Whoever types another command than `balchat tui` does not wait for what draws it."""

import subprocess
import sys


def test_the_plugin_is_registered_without_its_screen() -> None:
    code = "import sys, balchat_ui_tui.plugin as p; p.balchat_front_ends(); print(*{'textual'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout == b"\n"
