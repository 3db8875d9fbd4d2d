"""Worker threads end and others start: the native library may have been loaded by one that has ended."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# An event loop's worker threads end with it.
PROGRAM = """
import sys
from pathlib import Path
import anyio
from balchat_host.api.types import Secret
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.local_profile import LocalProfile

PASSPHRASE = Secret.from_text("four threads beside a river")
places = [ProfileDirectory(name=name, directory=Path(sys.argv[1], name)) for name in ("Alice", "Bob")]
profiles = [LocalProfile(place, {}) for place in places]

async def make(profile):
    await profile.create(profile.name, PASSPHRASE)

async def add(adding, added):
    async with adding.open(PASSPHRASE) as app, added.open(PASSPHRASE) as other:
        await app.contacts.add((await other.account.code()).code, added.name)

for profile in profiles:
    anyio.run(make, profile)
anyio.run(add, *profiles)
anyio.run(add, *reversed(profiles))
print("worked")
"""


def test_accounts_are_opened_again_and_again_after_the_first_worker_thread_has_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "faulthandler", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "worked\n"), done.stderr
