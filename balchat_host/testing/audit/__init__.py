"""Watch a test for what a plugin leaves behind and must not do; the kits use it in every test.

    async with audited() as audit:
        ...                      # everything is made, used and ended in here

At the end it looks for tasks, threads, child processes, open files and sockets, files on the disk, log lines with
something private in them, calls that blocked the event loop, and, where asked to, connections past `dial`. Whatever it
finds, it says with the place in the code where that was made. Raise `Leak`.
"""

from balchat_host.testing.audit.watch import (
    Audit,
    Leak,
    audited,
    audited_without_loop,
    confide,
    folders_of,
    overhear,
    overhear_names,
    watched,
)

__all__ = [
    "Audit",
    "Leak",
    "audited",
    "audited_without_loop",
    "confide",
    "folders_of",
    "overhear",
    "overhear_names",
    "watched",
]
