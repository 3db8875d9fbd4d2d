"""Messages in the vault."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from balchat_host.api.frontend import Messages
from balchat_host.api.views import MessageInfoView, MessageView, SearchHit, SearchPage
from balchat_host.core.messages import changing, compose, expiry, history, info, retrying
from balchat_host.core.messages.writing import Text
from balchat_host.core.search import pages
from balchat_host.core.search.words import parse
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner

_MOST_READS: Final = 20
"""How often one search reads on, where much has to be looked at, before the caller is asked whether to go on."""


class LocalMessages(LocalArea, Messages):
    """What was written."""

    def __init__(self, runner: UnitOfWorkRunner) -> None:
        self._runner = runner

    async def send(
        self,
        conversation: str,
        text: str,
        reply_to: str | None = None,
        *,
        markdown: bool = False,
        mentions: Sequence[str] = (),
        expires_after: int | None = None,
        expires_at: int | None = None,
        files: Sequence[str] = (),
    ) -> MessageView:
        typed = Text(text=text, markdown=markdown, mentions=mentions)
        expires = expiry.chosen(after=expires_after, at=expires_at)
        return await self._runner.change(
            lambda unit: compose.compose(unit, conversation, typed, reply_to=reply_to, expires=expires, files=files)
        )

    async def get(self, message: str) -> MessageView:
        return await self._runner.read(lambda tx: history.show(tx, message))

    async def history(
        self,
        conversation: str,
        limit: int = 50,
        *,
        before: str | None = None,
        after: str | None = None,
        around: str | None = None,
        date: int | None = None,
    ) -> Sequence[MessageView]:
        return await self._runner.read(
            lambda tx: history.history(
                tx, conversation, limit=limit, before=before, after=after, around=around, date=date
            )
        )

    async def edit(
        self, message: str, text: str, *, markdown: bool = False, mentions: Sequence[str] = ()
    ) -> MessageView:
        typed = Text(text=text, markdown=markdown, mentions=mentions)
        return await self._runner.change(lambda unit: changing.edit(unit, message, typed))

    async def delete(self, message: str, *, for_me: bool = False) -> None:
        await self._runner.change(lambda unit: changing.delete(unit, message, for_me=for_me))

    async def react(self, message: str, emoji: str, *, remove: bool = False) -> MessageView:
        return await self._runner.change(lambda unit: changing.react(unit, message, emoji, remove=remove))

    async def info(self, message: str) -> MessageInfoView:
        return await self._runner.read(lambda tx: info.info(tx, message))

    async def retry(self, message: str) -> MessageView:
        return await self._runner.change(lambda unit: retrying.retry(unit, message))

    async def search(  # noqa: PLR0917  # what a person may choose, given by name
        self,
        words: str,
        conversation: str | None = None,
        author: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> SearchPage:
        pages.check_limit(limit)
        query = parse(words)
        bounds = await self._runner.read(
            lambda tx: pages.bounds(
                tx, conversation=conversation, author=author, since=since, until=until, before=before
            )
        )
        hits: list[SearchHit] = []
        resume_before = None
        for _ in range(_MOST_READS):
            look = partial(pages.page, query=query, within=bounds, limit=limit - len(hits))
            page, resume_at = await self._runner.read(look)
            hits += page.hits
            resume_before = page.resume_before
            if resume_at is None or len(hits) == limit:
                break
            bounds = replace(bounds, before=resume_at)
        return SearchPage(hits=hits, resume_before=resume_before)
