"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from balchat_storage_sqlcipher.driver import find_driver


def facts() -> list[str]:
    """Return the lines that say so."""
    driver = find_driver()
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, balchat-host {version('balchat-host')}",
        f"{os.cpu_count()} × {_processor()}, {_memory()} GiB, {platform.system()} {platform.machine()}",
        f"load before the run: {os.getloadavg()[0]:.1f}",
        f"Python {platform.python_version()}, SQLCipher {driver.version} ({driver.name}), {_tor()}",
    ]


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.processor() or "processor"


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _tor() -> str:
    said = subprocess.run(["tor", "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition("\n")[0].rstrip(".") or "no tor"
