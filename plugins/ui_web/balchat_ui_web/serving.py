"""Puts the server together, listens on the loopback interface, and runs until it is cancelled."""

import asyncio
import errno
import socket
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio
from aiohttp import web

from balchat_host.api.bell import Bell
from balchat_host.api.errors import BadInput
from balchat_host.api.frontend import Profile, Profiles
from balchat_ui_web.account import CurrentAccount
from balchat_ui_web.application import Server
from balchat_ui_web.connection import IDLE_SECONDS, MOST, Connections
from balchat_ui_web.local_web import LocalWeb, Passphrases
from balchat_ui_web.octets import Octets
from balchat_ui_web.origins import Origins, new_host_name
from balchat_ui_web.page_files import PageFiles
from balchat_ui_web.sessions import Sessions
from balchat_ui_web.settings import Unlock, WebSettings
from balchat_ui_web.web_socket import WebSockets

_BACKLOG: Final = 64
_TRIES: Final = 16
_SHUTDOWN_SECONDS: Final = 2.0
_LOOK: Final = 5.0
"""Seconds between looks at whether anybody is there."""


def clock() -> float:
    """Return seconds that also pass while the machine sleeps, and that nobody can set."""
    # On macOS, where there is no other one, this one goes on in sleep.
    return time.clock_gettime(time.CLOCK_BOOTTIME if hasattr(time, "CLOCK_BOOTTIME") else time.CLOCK_MONOTONIC)


class WebServer:
    """A server of `page` at a port. `told` is called with words for the person at the terminal."""

    def __init__(
        self,
        profiles: Profiles,
        profile: Profile,
        settings: WebSettings,
        page: PageFiles,
        port: int,
        *,
        told: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = clock,
    ) -> None:
        self._clock = clock
        self._told = told
        self._seen_at = clock()
        self.origins = Origins(name=new_host_name(), port=port)
        self.sessions = Sessions(clock, guessed=self._guessed)
        self.account = CurrentAccount(profiles, profile, settings, page.languages)
        self.ended = anyio.Event()
        """Set when the screen was locked, and only a terminal may open it again."""
        passphrases = Passphrases(self.account, clock)
        written = Bell()
        local = LocalWeb(self.account, passphrases, clock, self.link, noticed=self.notice, written=written)
        self._tickets = local.tickets
        self._server = Server(
            origins=self.origins,
            page=page,
            account=self.account,
            sessions=self.sessions,
            passphrases=passphrases,
            octets=Octets(self.account, local.tickets, written),
            sockets=WebSockets(self.sessions, self.account, local, passphrases, profiles.version),
            noticed=self.notice,
            lock=self.lock,
        )
        self.application = self._server.application()

    def link(self) -> str:
        """Return where one window begins, for a minute."""
        return f"{self.origins.first}/#t={self.sessions.new_link()}"

    def notice(self) -> None:
        """Take note that a person is there."""
        self._seen_at = self._clock()

    def lock(self) -> None:
        """Lock the screen of every window, and end the tickets that they hold."""
        self.sessions.lock()
        self._tickets.end_all()
        if self.account.settings.unlock is Unlock.TERMINAL:
            self.ended.set()

    def lock_if_nobody_is_there(self) -> None:
        """Lock the screen where nobody has shown for long enough that they are there."""
        minutes = self.account.settings.lock_minutes
        if minutes and self.sessions.windows and self._clock() - self._seen_at >= minutes * 60:
            self.lock()

    async def keep_watch(self) -> None:
        """Lock the screen when it is time, for ever."""
        while True:
            await anyio.sleep(_LOOK)
            self.lock_if_nobody_is_there()

    def _guessed(self) -> None:
        self._told("A program on this machine tries wrong links. They open nothing.")


def listen(port: int = 0) -> list[socket.socket]:
    """Return sockets that listen on the loopback interface, of IPv4 and, where there is one, of IPv6, on one port.

    A browser may ask at either, so nobody else may have the port at the other. Raise BadInput.
    """
    for _ in range(_TRIES):
        four = _bound(socket.AF_INET, "127.0.0.1", port)
        assert four is not None, "every system has it"
        try:
            six = _bound(socket.AF_INET6, "::1", four.getsockname()[1])
        except BadInput:
            four.close()
            if port:
                raise
            continue
        return [four] if six is None else [four, six]
    raise BadInput(what="balchat web", problem="no port is free on both loopback addresses")


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """Return a socket that listens; None where this machine has no such address, so that nobody can listen there."""
    try:
        made = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.settimeout(0)
        made.bind((address, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        if family == socket.AF_INET6 and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            return None
        raise BadInput(what=f"Port {port}", problem=f"it cannot be used ({error.strerror})") from None
    return made


@asynccontextmanager
async def serving(
    server: WebServer, sockets: Sequence[socket.socket], *, most: int = MOST, idle_seconds: float = IDLE_SECONDS
) -> AsyncGenerator[Connections]:
    """Serve on sockets that listen; close them at the end."""
    runner = web.AppRunner(server.application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, most, idle_seconds)
    loop = asyncio.get_running_loop()
    listening = [await loop.create_server(connections, sock=each, backlog=_BACKLOG) for each in sockets]
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.account.run)
            tasks.start_soon(server.keep_watch)
            yield connections
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            for each in listening:
                each.close()
            await runner.cleanup()
