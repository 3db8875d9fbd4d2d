"""Shows states that change: as a picture that is redrawn in place on a terminal, else one line for each change."""

from collections.abc import Iterable
from time import localtime, strftime

from balchat_host.api.spans import Span
from balchat_host.api.types import ONLINE
from balchat_host.api.views import ServiceStatus
from balchat_ui_cli.account_status import AccountStatus
from balchat_ui_cli.output import Line, Output, spans
from balchat_ui_cli.readiness import bottleneck, is_decided
from balchat_ui_cli.render.status import (
    DISK,
    contacts_line,
    outbox_line,
    requests_line,
    service,
    service_lines,
    services,
    status_lines,
)
from balchat_ui_cli.text import fit, width


class Picture:
    """Some lines at the bottom of the terminal that are drawn again and again in the same place."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._height = 0

    def draw(self, lines: Iterable[Line]) -> None:
        """Draw the lines in place of the ones before, as many and as much of each as the terminal can hold.

        In the background nothing is drawn: the shell has the terminal, and somebody types there.
        """
        if not self._out.in_foreground:
            self._height = 0
            return
        lines = list(lines)
        if len(lines) >= self._out.rows:
            lines = [*lines[: self._out.rows - 2], ["…"]]
        drawn = [self._out.painted(_cut(line, self._out.columns - 1)) for line in lines]
        # CPL and ED (ECMA-48, 8.3.13 and 8.3.39): to the first line of the old picture, then clear what follows.
        back = f"\x1b[{self._height}F\x1b[J" if self._height else ""
        self._out.draw(back + "".join(f"{line}\n" for line in drawn))
        self._height = len(drawn)


def _cut(line: Line, cells: int) -> list[Span]:
    kept: list[Span] = []
    for span in spans(line):
        if cells <= 0:
            break
        kept.append(Span(fit(span.text, cells), span.style))
        cells -= width(span.text)
    return kept


class StatusView:
    """Shows one status after the other in the way that fits the output."""

    def __init__(self, out: Output, *, whole: bool) -> None:
        """`whole`: everything that `balchat status` shows; else what matters."""
        self._out = out
        self._whole = whole
        self._picture = Picture(out)
        self._said: dict[str, object] = {}

    def show(self, status: AccountStatus) -> None:
        """Show the state of everything as it is now."""
        if self._out.as_json:
            self._out.value(status, list)
        elif not self._out.live:
            self._say_changes(status)
        elif self._whole:
            self._picture.draw(status_lines(status, bars=True))
        else:
            self._picture.draw(_running_lines(status))

    def _say_changes(self, status: AccountStatus) -> None:
        facts = _facts(status)
        if status.storage == ONLINE and DISK not in self._said:
            del facts[DISK]  # that all is well with it is no news unless it was not
        for name, line in facts.items():
            if self._said.get(name) != line:
                self._said[name] = line
                self._out.say([f"{strftime('%H:%M:%S', localtime())} {line}"])


def _facts(status: AccountStatus) -> dict[str, str]:
    """Return what is worth a line when it changes."""
    states = {**services(status), **status.plugins, DISK: status.storage}
    facts = {name: f"{name}: {state}" for name, state in states.items()}
    for contact in status.contacts:
        words = "reachable" if contact.reachable else "not reachable"
        facts[f"contact {contact.peer_id}"] = f"{contact.name}: {contact.state}, {words}"
    facts["requests"] = f"requests: {status.requests} waiting"
    facts["outbox"] = f"outbox: {status.outbox.waiting} waiting, {status.outbox.in_flight} on the way"
    return facts


def _running_lines(status: AccountStatus) -> Iterable[Line]:
    """Return the picture of `balchat up`."""
    yield [f"balchat is up for the profile {status.profile}. Ctrl-C ends it."]
    yield []
    lines = [*service_lines(status, bars=True), contacts_line(status)]
    if status.requests:
        lines.append(requests_line(status))
    lines.append(outbox_line(status))
    for line in lines:
        yield ["  ", *line]


class ProgressView:
    """Shows on one line how far the way to being reachable is done; nothing for programs."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._picture = Picture(out)
        self._said = ""

    def show(self, status: ServiceStatus) -> None:
        """Show the state as it is now. The line is gone from a terminal once there is nothing to wait for."""
        if self._out.as_json:
            return
        decided = is_decided(status)
        name, state = bottleneck(status)
        line = [f"{name}: ", *service(state, bar=self._out.live)]
        if self._out.live:
            self._picture.draw([] if decided else [line])
        elif not decided and (painted := self._out.painted(line)) != self._said:
            self._said = painted
            self._out.say(line)
