"""The server of `balchat web` as a process of its own, for `bench.web_memory`: it gives a link for each line it reads.

The account runs in another process, behind its local socket in the folder that the command line names.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
from anyio import to_thread
from balchat_ui_rpc.plugin import balchat_front_ends
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import WebSettings

from balchat_host.testing.memory_profiles import MemoryProfiles


async def main(folder: str) -> None:
    """Serve until there are no more lines."""
    profiles = MemoryProfiles(Path(folder), front_ends=balchat_front_ends)
    sockets = listen()
    settings, page = WebSettings(lock_minutes=0), load_page(profiles.version)
    server = WebServer(profiles, profiles.profile(), settings, page, sockets[0].getsockname()[1])
    async with serving(server, sockets):
        while await to_thread.run_sync(sys.stdin.readline):
            sys.stdout.write(f"{server.link()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend="asyncio")
