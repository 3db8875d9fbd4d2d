"""Imports a plugin. Its code runs for the first time here: whatever that does is a problem of the plugin alone.

What it prints meanwhile goes to standard error, since the output of a command is often read by a program.
"""

from __future__ import annotations

import sys
import threading
from contextlib import nullcontext, redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from balchat_host.loader.registration import Broken, describe

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_HOST: Final = "balchat_host"


def import_plugin(entry_point: EntryPoint) -> object:
    """Return what an entry point names. Raise Broken."""
    named = entry_point.value
    if entry_point.pattern.match(named) is None:
        raise Broken(f"its entry point is {named!r}, which names no module")
    before = set(threading.enumerate())
    # In an account that runs it was imported before: nothing is taken from others who print.
    is_new = entry_point.module not in sys.modules
    try:
        with redirect_stdout(sys.stderr) if is_new else nullcontext():
            plugin = entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a plugin raises, SystemExit too, is its own problem
        raise Broken(f"importing {named} raised {describe(error)}{_skew(error)}") from error
    if is_new and any(not thread.daemon for thread in threading.enumerate() if thread not in before):
        raise Broken(f"importing {named} started a thread, which keeps balchat from ending; start it in run()")
    return plugin


def _skew(error: BaseException) -> str:
    """Say that a plugin is made for another version of balchat, where it looks for something that is not here."""
    if not isinstance(error, ImportError) or (error.name or "").partition(".")[0] != _HOST:
        return ""
    try:
        here = version("balchat-host")
    except PackageNotFoundError:
        here = "unknown"
    return f"; it is made for another balchat-host than {here}: install versions of both that go together"
