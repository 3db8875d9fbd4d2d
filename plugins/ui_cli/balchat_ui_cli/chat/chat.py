"""Wires a chat: events from the account to the screen, what is typed from the screen to the account."""

import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream

from balchat_host.api.ephemeral import ContactPresence, PresentState
from balchat_host.api.errors import BalchatError, ConnectionLost, NoSuchContact
from balchat_host.api.events import ContactAlarm, ContactRemoved, Event
from balchat_host.api.following import following
from balchat_host.api.frontend import App
from balchat_host.api.spans import Span, Style
from balchat_host.api.text import visible
from balchat_host.api.views import ConversationView, MessageState, MessageView
from balchat_ui_cli.chat import commands
from balchat_ui_cli.chat.conversation import Conversation
from balchat_ui_cli.chat.screen import Screen
from balchat_ui_cli.output import Line, Output
from balchat_ui_cli.render.alarms import alarm_words
from balchat_ui_cli.render.hits import hit_lines
from balchat_ui_cli.render.message_info import info_lines
from balchat_ui_cli.render.messages import MessageList
from balchat_ui_cli.render.people import conversation_words
from balchat_ui_cli.text import clock, short_ids, wrap

FIRST = 20
"""Messages of the history that a chat begins with."""
_TYPED_AHEAD = 100
"""Lines that may wait while the account is busy."""
_FOUND: Final = 20
"""Messages that a search in a chat shows at most."""
_PATIENCE: Final = 5.0
"""Seconds for keeping a draft at the end."""
_KEYS_ROOM: Final = 18
"""Cells in which the help says what is typed."""
_HELP_ROOM: Final = 20
"""Cells beside it, at least, for what that does."""


class Chat:
    """One run of `balchat chat`."""

    def __init__(self, app: App, out: Output, conversation: ConversationView) -> None:
        self._app = app
        self._out = out
        # Renaming the contact elsewhere must not make us lose it.
        self._id = conversation.id
        self._draft = conversation.draft
        """What was begun elsewhere, or in an earlier chat."""
        self._conversation = Conversation(conversation)
        name = conversation.contact.name if conversation.contact else ""
        self._list = MessageList(out.columns, name, styled=out.colour)
        self._failed = False
        """Whether what was typed last could not be done."""
        self._to_do, self._typed = anyio.create_memory_object_stream[str](_TYPED_AHEAD)
        self._screen = Screen(
            out,
            typed=self._take,
            pending=self._pending,
            bar=self._bar,
            completed=self._conversation,
            editable=self._editable,
        )

    async def run(self) -> None:
        """Chat until the person leaves. Raise what makes going on impossible."""
        after = await self._app.events.cursor()
        await self._app.events.attend(self._id)
        history = await self._app.messages.history(self._id, FIRST)
        settled = self._conversation.begin(history)
        self._out.say(self._headline(), *self._lines(settled))
        await self._mark_read(settled)
        with self._to_do, self._typed:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._follow_events, after)
                    tasks.start_soon(self._follow_presence)
                    tasks.start_soon(self._heed_signals)
                    tasks.start_soon(self._do_typed, self._typed)
                    await self._show(tasks)
                    tasks.cancel_scope.cancel()
            finally:
                self._say_what_waits()

    async def _show(self, tasks: TaskGroup) -> None:
        done = anyio.Event()

        async def show(*, task_status: TaskStatus[None]) -> None:
            try:
                await self._screen.run(commands.as_typed(self._draft), task_status=task_status)
            finally:
                # Where the terminal is gone, the prompt ends with an error.
                with anyio.move_on_after(_PATIENCE, shield=True):
                    await self._keep_draft()
            done.set()

        await tasks.start(show)
        await done.wait()

    async def _keep_draft(self) -> None:
        """Keep what was not sent; what another front end wrote meanwhile stays where there is nothing."""
        typed, draft = commands.read(self._screen.unsent), self._conversation.view.draft
        text = typed.text if isinstance(typed, commands.Say) and typed.reply_to is None else ""
        if text != draft and (text or draft == self._draft):
            with suppress(BalchatError):  # it is over: nobody can do anything about it
                await self._app.conversations.draft(self._id, text)

    # -- from the account

    async def _follow_events(self, after: int) -> None:
        async with following(self._app.events.follow(after=after)) as events:
            async for event in events:
                contact = self._conversation.view.contact
                if isinstance(event, ContactRemoved) and contact is not None and event.peer_id == contact.peer_id:
                    await self._screen.print(lambda: [["This contact was removed."]])
                    self._screen.leave()
                    return
                await self._hear(event)

    async def _hear(self, event: Event) -> None:
        settled: list[MessageView] = []

        def settle() -> Iterable[Line]:
            settled.extend(self._conversation.hear(event))
            return [*self._alarm(event), *self._lines(settled)]

        await self._screen.print(settle)
        await self._mark_read(settled)

    def _alarm(self, event: Event) -> Iterable[Line]:
        """Say that somebody else may hold our keys, or that the conversation was set up again."""
        if isinstance(event, ContactAlarm) and event.conversation == self._id:
            style = Style.BAD if event.kind.is_serious else Style.WARN
            rows = wrap(visible(alarm_words(event.kind, event.name)), max(2, self._out.columns - 4))
            yield from ([Span(f"{'  ' if number else '──'} {row}", style)] for number, row in enumerate(rows))

    async def _follow_presence(self) -> None:
        """Show who comes within reach and leaves it; the present state first, since it may have changed meanwhile."""
        async with following(self._app.events.ephemeral()) as changes:
            async for change in changes:
                contact = self._conversation.view.contact
                if contact is not None and (
                    isinstance(change, PresentState)
                    or (isinstance(change, ContactPresence) and change.peer_id == contact.peer_id)
                ):
                    with suppress(NoSuchContact):
                        self._conversation.learn(await self._app.contacts.get(contact.peer_id))
                        self._screen.redraw()

    async def _mark_read(self, messages: Sequence[MessageView]) -> None:
        received = [message for message in messages if message.state is MessageState.RECEIVED]
        if received:
            await self._app.conversations.mark_read(self._id, received[-1].id)

    # -- from the person

    def _take(self, line: str) -> None:
        try:
            self._to_do.send_nowait(line)
        except anyio.WouldBlock:
            self._out.draw("\a")

    async def _do_typed(self, typed: MemoryObjectReceiveStream[str]) -> None:
        async for line in typed:
            understood = commands.read(line)
            self._failed = isinstance(understood, commands.Mistake)
            try:
                await self._do(understood)
            except ConnectionLost:
                raise
            except BalchatError as error:
                self._failed = True
                await self._complain(str(error))

    async def _do(self, typed: commands.Typed | None) -> None:
        match typed:
            case commands.Say(text=text, reply_to=reply_to):
                mentions = self._conversation.mentioned(text)
                message = await self._app.messages.send(self._id, text, reply_to, mentions=mentions)
                await self._screen.print(lambda: self._lines(self._conversation.add(message)))
            case commands.React() | commands.Edit() | commands.Delete() | commands.Retry() | commands.Info():
                await self._do_with_message(typed)
            case commands.Search(words=words):
                await self._search(words)
            case commands.More(count=count):
                await self._show_earlier(count)
            case commands.Help():
                await self._screen.print(lambda: _help_lines(self._out.columns))
            case commands.Quit():
                self._screen.leave()
            case commands.Mistake(problem=problem):
                await self._complain(problem)
            case None:
                pass

    async def _do_with_message(
        self, typed: commands.React | commands.Edit | commands.Delete | commands.Retry | commands.Info
    ) -> None:
        messages = self._app.messages
        match typed:
            case commands.React(message=message_id, emoji=emoji, remove=remove):
                await messages.react(message_id, emoji, remove=remove)
            case commands.Edit(message=message_id, text=text):
                await self._edit(message_id, text)
            case commands.Delete(message=message_id, for_me=for_me):
                await messages.delete(message_id, for_me=for_me)
            case commands.Retry(message=message_id):
                await messages.retry(message_id)
            case commands.Info(message=message_id):
                known = await messages.info(message_id)
                await self._screen.print(lambda: info_lines(known))

    async def _edit(self, message_id: str, text: str) -> None:
        # What was markdown stays markdown.
        markdown = self._conversation.is_markdown(message_id)
        mentions = self._conversation.mentioned(text)
        await self._app.messages.edit(message_id, text, markdown=markdown, mentions=mentions)

    async def _search(self, words: str) -> None:
        page = await self._app.messages.search(words, self._id, limit=_FOUND)
        # Their ids can be used and completed.
        self._conversation.found([hit.message for hit in reversed(page.hits)])
        found = hit_lines(page.hits, titles=False)
        if not found and page.resume_before is None:
            found = [["Nothing was found."]]
        if page.resume_before is not None:
            found.append([Span("There may be more: `balchat search` goes on.", Style.FAINT)])
        await self._screen.print(lambda: found)

    async def _show_earlier(self, count: int) -> None:
        oldest = self._conversation.oldest
        messages = await self._app.messages.history(self._id, count, before=oldest) if oldest else []
        earlier = self._conversation.earlier(messages)
        rule: Line = [Span("── earlier " if earlier else "── nothing earlier", Style.FAINT)]
        end: list[Line] = [[Span("── now", Style.FAINT)]] if earlier else []
        await self._screen.print(lambda: [rule, *self._lines(earlier), *end])

    async def _complain(self, problem: str) -> None:
        rows = wrap(visible(problem), max(2, self._out.columns - 1))
        await self._screen.print(lambda: [[Span(row, Style.WARN)] for row in rows])

    async def _heed_signals(self) -> None:
        """Leave where we are told to, and take the terminal again after a stop."""
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCONT) as signals:
            async for number in signals:
                if number is signal.SIGCONT:
                    self._screen.go_on()
                else:
                    self._screen.leave()

    # -- what it looks like

    def _lines(self, messages: Sequence[MessageView]) -> list[Line]:
        self._list.cells = self._out.columns
        return list(self._list.lines(messages, self._conversation.known))

    def _pending(self) -> list[Line]:
        self._list.cells = self._out.columns
        ids = short_ids(self._conversation.known)
        return [line for message in self._conversation.pending for line in self._list.message(message, ids[message.id])]

    def _headline(self) -> Line:
        words = self._words()
        rule = "─" * max(0, self._out.columns - sum(len(str(word)) for word in words) - 5)
        return [Span("── ", Style.FAINT), Span(words, Style.STRONG), Span(f" {rule}", Style.FAINT)]

    def _words(self) -> str:
        view = self._conversation.view
        return " · ".join([view.title, *conversation_words(view)])

    def _bar(self) -> Line:
        read = self._conversation.last_read
        seen = f" · read until {clock(read.sent_at)}" if read else ""
        return [Span(f"{self._words()}{seen} · /help", Style.FAINT)]

    def _editable(self) -> tuple[str, str] | None:
        """Return the last message of ours and its text, unless what was typed last failed: that can be had again."""
        return None if self._failed else self._conversation.editable()

    def _say_what_waits(self) -> None:
        waiting = self._conversation.leave()
        self._out.say(*self._lines(waiting))
        if waiting:
            self._out.hint(["What waits goes out as soon as there is a way, as long as balchat is up."])


def _help_lines(cells: int) -> Iterator[Line]:
    for keys, does in commands.HELP:
        first, *others = wrap(does, max(_HELP_ROOM, cells - _KEYS_ROOM - 1))
        yield [Span(f"  {keys}".ljust(_KEYS_ROOM), Style.STRONG), first]
        yield from ([" " * _KEYS_ROOM, row] for row in others)
