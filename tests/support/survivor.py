"""Somebody whose process may die at any moment, and who starts it again and goes on.

Every act is done until it is done: where the connection is lost under it, the account is started again and the act
repeated. So acts are safe to repeat; `write` makes sure of it by looking whether the message is there.
"""

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from tests.support.local_socket import CallRefused, LocalSocket
from tests.support.people import CommandFailed, Person

T = TypeVar("T")
Event = dict[str, Any]

_GLANCE = 1.0
_GLANCES = 90
"""How long, in seconds, and how often we wait before looking whether the other one still lives."""
_DONE = ("already-a-contact", "no-such-request", "no-such-message")


class Survivor:
    """`person` with an account that was made. `revive` is called before each new start."""

    def __init__(self, person: Person, revive: Callable[[], None] = lambda: None) -> None:
        self.person = person
        self.deaths = 0
        self._revive = revive

    def start(self) -> None:
        """Start the account, as often as it takes."""
        while True:
            try:
                self.person.up(listen=False)
                return
            except CommandFailed:
                self._bury()

    def insist(self, act: Callable[[LocalSocket], T]) -> T:
        """Do `act` until it is done."""
        while True:
            try:
                with self.person.socket() as socket:
                    return act(socket)
            except TimeoutError:
                raise
            except OSError:
                self._bury()
                self.start()

    def write(self, contact: str, text: str) -> str:
        """Write a message that nobody has written before, once; return its id."""

        def act(socket: LocalSocket) -> str:
            for message in socket.call("messages.history", conversation=contact, limit=1000):
                if message["author"] is None and message["text"] == text:
                    return message["id"]
            return socket.call("messages.send", conversation=contact, text=text)["id"]

        return self.insist(act)

    def until(self, expected: Callable[[Event], bool], *, after: int = 0, beside: "Survivor | None" = None) -> Event:
        """Wait for an event; return the first one. Who may die `beside` us is started again. Raise TimeoutError."""

        def wait(socket: LocalSocket) -> Event:
            if beside is not None:
                socket.be_patient(_GLANCE)
            return next(event for event in socket.events(after) if expected(event))

        if beside is None:
            return self.insist(wait)
        for _ in range(_GLANCES):
            beside.call("events.cursor")
            with suppress(TimeoutError):
                return self.insist(wait)
        raise TimeoutError("it never happened")

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method that is safe to repeat; None where it was done before the answer was lost."""

        def act(socket: LocalSocket) -> Any:
            try:
                return socket.call(method, **parameters)
            except CallRefused as refusal:
                if refusal.code not in _DONE:
                    raise
                return None

        return self.insist(act)

    def _bury(self) -> None:
        left = self.person.mourn()
        if left.code != -signal.SIGKILL:
            raise CommandFailed(f"the account's process ended by itself with {left.code}: {left.err}")
        self.deaths += 1
        self._revive()
