"""`balchat web`: serves the page until it is ended, and opens a window of it, or of the one that is served already."""

import argparse
import getpass
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread
from balchat_common.commands import INTERRUPTED, USAGE

from balchat_host.api.errors import BalchatError, WrongSecret
from balchat_host.api.failures import leaves
from balchat_host.api.frontend import Profile, Profiles
from balchat_host.api.types import Secret
from balchat_ui_web import one_server
from balchat_ui_web.browser import remove_left_over
from balchat_ui_web.opening import open_window
from balchat_ui_web.page_files import load_page
from balchat_ui_web.serving import WebServer, listen, serving
from balchat_ui_web.settings import PLUGIN, Unlock, WebSettings

_TRIES: Final = 3


def main(profiles: Profiles, arguments: Sequence[str]) -> int:
    """Serve the page; return the exit code."""
    try:
        asked = _parser().parse_args(arguments)
    except SystemExit as end:
        return USAGE if end.code else 0
    try:
        anyio.run(_run, profiles, asked, backend="asyncio")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseExceptionGroup as group:
        known = [each for each in leaves(group) if isinstance(each, BalchatError)]
        if not known:
            raise
        return _fail(known[0])
    except BalchatError as error:
        return _fail(error)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="balchat web",
        description="Serve a page for this account on this machine, and open it in a browser. Ctrl-C ends it; the "
        "account goes on. Where it is served already, another window of it is opened.",
        allow_abbrev=False,
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser; print the link")
    parser.add_argument("--print-link", action="store_true", help="print the link, too")
    parser.add_argument(
        "--window",
        action="store_true",
        help="open a window of an installed Chromium that has no extensions, and whose history goes with it",
    )
    return parser


async def _run(profiles: Profiles, asked: argparse.Namespace) -> None:
    profile = await to_thread.run_sync(profiles.profile)
    settings = await to_thread.run_sync(_settings, profiles)
    if settings.unlock is Unlock.TERMINAL:
        await _unlock(profile)
    directory = await to_thread.run_sync(profile.runtime_directory)
    held = await to_thread.run_sync(one_server.Held.take, directory)
    if held is None:
        await _open_another(directory, asked)
        return
    try:
        await _serve(profiles, profile, settings, directory, asked)
    finally:
        held.release()


def _settings(profiles: Profiles) -> WebSettings:
    """Return the settings. A configuration that cannot be used ends no page: whoever starts the account says it."""
    try:
        return profiles.own_settings(PLUGIN, WebSettings)
    except BalchatError:
        return WebSettings()


async def _serve(
    profiles: Profiles, profile: Profile, settings: WebSettings, directory: Path, asked: argparse.Namespace
) -> None:
    sockets = await to_thread.run_sync(listen, settings.port)
    page = await to_thread.run_sync(load_page, profiles.version)
    server = WebServer(profiles, profile, settings, page, sockets[0].getsockname()[1], told=_say)
    await to_thread.run_sync(remove_left_over, directory)
    asking = await to_thread.run_sync(one_server.listen, directory)
    try:
        async with serving(server, sockets), anyio.create_task_group() as tasks:
            tasks.start_soon(_end_on_signals, server)
            tasks.start_soon(one_server.answer_others, server, asking)
            tasks.start_soon(_open_first, server, directory, asked)
            await server.ended.wait()
            tasks.cancel_scope.cancel()
    finally:
        asking.close()
        with anyio.CancelScope(shield=True):
            await one_server.remove_socket(directory)


async def _open_first(server: WebServer, directory: Path, asked: argparse.Namespace) -> None:
    ring, link = server.sessions.signed_in.next_ring(), server.link()
    _say(f"balchat is at {server.origins.first}/ until you press Ctrl-C.")
    await open_window(link, ring.wait, directory, asked)


async def _open_another(directory: Path, asked: argparse.Namespace) -> None:
    """Open another window of the server that runs already. Raise BadInput."""
    found = await one_server.ask(directory)
    try:
        _say(f"balchat is at {found.found.origin}/ already; this opens another window of it.")
        await open_window(found.found.link, found.opened, directory, asked)
    finally:
        with anyio.CancelScope(shield=True):
            await found.aclose()


async def _unlock(profile: Profile) -> None:
    """Ask for the passphrase in the terminal, whether the account runs or not. Raise WrongSecret."""
    for rest in reversed(range(_TRIES)):
        typed = await to_thread.run_sync(partial(getpass.getpass, "Passphrase: "))
        secret = Secret.from_text(typed)
        try:
            connection = await profile.connect()
            if connection is None:
                _say("Unlocking …")
                await profile.start(secret)
            else:
                async with connection as app:
                    await app.account.verify_passphrase(secret)
        except WrongSecret as error:
            if not rest:
                raise
            _say(str(error))
        else:
            return


async def _end_on_signals(server: WebServer) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            server.ended.set()


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _fail(error: BalchatError) -> int:
    sys.stderr.write(f"balchat: {error}\n")
    return error.exit_code
