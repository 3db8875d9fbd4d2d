"""The tor program: found, and new enough."""

import re
import shutil
from subprocess import DEVNULL
from typing import Final, TypeAlias

import anyio
from anyio import to_thread

from balchat_host.api.errors import NetworkUnavailable, TorMissing, TorTooOld
from balchat_network_tor.bridges import program_of
from balchat_network_tor.settings import TorSettings

Version: TypeAlias = tuple[int, int, int, int]

MINIMUM: Final[Version] = (0, 4, 7, 7)
"""The first stable tor of the series that has vanguards-lite (proposal 333), without which whoever dials us again and
again finds out our guard, and congestion control (proposal 324)."""

_VERSION: Final = re.compile(r"\bTor version (\d+)\.(\d+)\.(\d+)\.(\d+)")
_ANSWER_WITHIN: Final = 20
"""Seconds. It takes a quarter of one; a busy machine may need more."""


async def find_tor(name: str) -> str:
    """Find the tor program; return its path. Raise TorMissing or TorTooOld."""
    path = await to_thread.run_sync(shutil.which, name)
    if path is None:
        raise TorMissing(problem=f"there is no program {name}")
    version = await tor_version(path)
    if version < MINIMUM:
        raise TorTooOld(version=version_text(version), minimum=version_text(MINIMUM))
    return path


async def tor_version(path: str) -> Version:
    """Ask the program at `path` for its version. Raise TorMissing where it does not answer as tor does."""
    try:
        with anyio.fail_after(_ANSWER_WITHIN):
            answer = await anyio.run_process([path, "--version"], stdin=DEVNULL, check=False)
    except (OSError, TimeoutError) as error:
        raise TorMissing(problem=f"{path} cannot be run") from error
    return read_version(answer.stdout.decode(errors="replace"), path)


def read_version(text: str, path: str) -> Version:
    """Read what `tor --version` prints. Raise TorMissing for anything else."""
    found = _VERSION.search(text)
    if found is None:
        raise TorMissing(problem=f"{path} is not tor")
    first, second, third, fourth = map(int, found.groups())
    return first, second, third, fourth


def version_text(version: Version) -> str:
    """Write a version as people do."""
    return ".".join(map(str, version))


async def find_transport_programs(settings: TorSettings) -> None:
    """Raise NetworkUnavailable unless the programs of all pluggable transports are there."""
    for line in settings.client_transport_plugins:
        program = program_of(line)
        if await to_thread.run_sync(shutil.which, program) is None:
            raise NetworkUnavailable(
                problem=f"there is no program {program} for a pluggable transport",
                remedy="Install it, or correct settings.network_tor.client_transport_plugins.",
            )
