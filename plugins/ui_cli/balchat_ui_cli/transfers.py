"""How the transfer of a file goes: followed until it is done, and shown on one line."""

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import anyio

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.events import FileChanged
from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView
from balchat_ui_cli.live import Picture
from balchat_ui_cli.output import Line, Output
from balchat_ui_cli.render.file_words import file_reason_words, ways_words
from balchat_ui_cli.sizes import size_words
from balchat_ui_cli.text import duration, progress_bar

_REMEMBERED = 10.0
"""Seconds over which speed is measured."""


def is_settled(file: FileView) -> bool:
    """Return whether a file does not come by itself any more: it is here, or somebody has to do something."""
    return file.state is not FileState.FETCHING


def is_received(file: FileView) -> bool:
    """Return whether all have a file of ours, or it cannot be had any more."""
    return file.received_by >= file.recipients or file.state is not FileState.COMPLETE


async def follow(
    app: App, file: str, done: Callable[[FileView], bool], show: Callable[[FileView, int], None]
) -> FileView:
    """Follow a file until it is `done`; `show` gets it, and how many octets have been transferred, with each change."""
    cursor = await app.events.cursor()
    view = await app.files.get(file)
    there = view.size if view.ours and view.recipients and is_received(view) else 0

    def tell() -> None:
        show(view, there if view.ours else view.here)

    async def states() -> None:
        nonlocal view
        async with following(app.events.follow(after=cursor)) as events:
            async for event in events:
                if isinstance(event, FileChanged) and event.file.id == view.id:
                    view = event.file
                    tell()
                    if done(view):
                        tasks.cancel_scope.cancel()

    async def progress() -> None:
        nonlocal view, there
        async with following(app.events.ephemeral()) as changes:
            async for change in changes:
                if isinstance(change, FileProgress) and change.file == view.id:
                    view = replace(view, here=change.here, reason=change.hindered, ways=change.ways)
                    there = change.there
                    tell()

    tell()
    if done(view):
        return view
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(states)
        tasks.start_soon(progress)
    return await app.files.get(file)


class TransferView:
    """Shows one transfer on a line of the terminal, with its speed and the time that is left; else nothing."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._picture = Picture(out)
        self._seen: list[tuple[float, int]] = []

    def show(self, file: FileView, done: int) -> None:
        """Show how far it is: `done` octets of it."""
        if self._out.live:
            self._picture.draw([self._line(file, done)])

    def clear(self) -> None:
        """Take the line away."""
        if self._out.live:
            self._picture.draw([])

    def _line(self, file: FileView, done: int) -> Line:
        share = done / file.size if file.size else 1.0
        line: Line = [
            f"{visible(file.name)}  ",
            Span(progress_bar(share), Style.OTHER),
            f" {share:4.0%}  {size_words(done)} of {size_words(file.size)}",
        ]
        if file.reason:
            return [*line, Span(f"  {file_reason_words(file.reason)}", Style.WARN)]
        if ways := ways_words(file.ways):
            line = [*line, f" {ways}"]
        speed = self._speed(done)
        if speed:
            line = [*line, f"  {size_words(speed)}/s", f"  {duration(max(1, int((file.size - done) / speed)))} left"]
        return line

    def _speed(self, done: int) -> float:
        now = monotonic()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - _REMEMBERED:  # noqa: PLR2004  # two make a speed
            del self._seen[0]
        (begin, first), (end, last) = self._seen[0], self._seen[-1]
        return (last - first) / (end - begin) if end > begin and last > first else 0.0
