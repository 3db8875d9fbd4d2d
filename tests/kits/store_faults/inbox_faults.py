"""Faults of inboxes and of the pool of cards."""

from __future__ import annotations

from dataclasses import replace

from anyio.lowlevel import checkpoint
from balchat_relay.testing.store_kit.bench import NOW
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Claimed

from tests.kits.store_faults.faulty_store import FaultyStore


class LetsAnybodyDrainThePool(FaultyStore):
    """Gives strangers every card."""

    caught_by = "test_strangers_cannot_drain_a_pool"

    async def claim(self, queue, *, send, token, now):
        self._queues[queue].claims, self._queues[queue].pool = 0, 0
        return await super().claim(queue, send=send, token=token, now=now)


class UsesATokenTwice(FaultyStore):
    """Takes a token any number of times."""

    caught_by = "test_a_token_is_good_for_one_ordinary_card"

    async def claim(self, queue, *, send, token, now):
        claimed = await super().claim(queue, send=send, token=token, now=now)
        if token is not None:
            self._queues[queue].tokens.add(token)
        return claimed


class GivesACardToTwo(FaultyStore):
    """Gives one card to several who claim at once."""

    caught_by = "test_a_card_is_claimed_once_and_the_last_resort_stays"

    async def claim(self, queue, *, send, token, now):
        cards = self._queues[queue].cards
        return (
            Claimed(card=cards[0], last_resort=False)
            if cards
            else await super().claim(queue, send=send, token=token, now=now)
        )


class ReplacesThePool(FaultyStore):
    """Throws the cards away that are there when some are published."""

    caught_by = "test_what_is_published_is_added_to_what_is_there"

    async def publish(self, queue, *, receive, **more):
        self._own(queue, receive).cards.clear()
        return await super().publish(queue, receive=receive, **more)


class TakesTokensOfOthers(FaultyStore):
    """Takes a token of another queue."""

    caught_by = "test_a_token_is_good_at_its_queue_and_used_up_by_an_ordinary_card"

    async def claim(self, queue, *, token, **more):
        if any(token in each.tokens for each in self._queues.values()):
            self._queues[queue].tokens.add(token)
        return await super().claim(queue, token=token, **more)


class KeepsTokensOfRefusals(FaultyStore):
    """Keeps the tokens of a publication that it refuses."""

    caught_by = "test_a_token_of_a_refused_publication_is_not_good"

    async def publish(self, queue, *, receive, tokens, **more):
        self._own(queue, receive).tokens.update(tokens[: self.limits.tokens])
        return await super().publish(queue, receive=receive, tokens=tokens, **more)


class GivesTheNewestCardFirst(FaultyStore):
    """Gives the card first that was published last."""

    caught_by = "test_what_is_published_is_added_to_what_is_there"

    async def publish(self, queue, *, cards, **more):
        size = await super().publish(queue, cards=cards, **more)
        self._queues[queue].cards.reverse()
        return size


class UsesUpTheLastResort(FaultyStore):
    """Gives the card of last resort once."""

    caught_by = "test_a_card_is_claimed_once_and_the_last_resort_stays"

    async def claim(self, queue, **more):
        claimed = await super().claim(queue, **more)
        if claimed.last_resort:
            self._queues[queue].last_resort = None
        return claimed


class CallsEveryCardTheLast(FaultyStore):
    """Says of every card that it is the last resort."""

    caught_by = "test_a_card_is_claimed_once_and_the_last_resort_stays"

    async def claim(self, queue, **more):
        return replace(await super().claim(queue, **more), last_resort=True)


class SaysToTryAgainAtOnce(FaultyStore):
    """Says of an inbox to which too much came that somebody may try again at once."""

    caught_by = "test_an_inbox_takes_small_envelopes_few_and_slowly"

    async def put(self, queue, *, now, **more):
        try:
            await super().put(queue, now=now, **more)
        except Refused as error:
            raise Refused(error.code, "try again", retry_after=1) from None


class NeverTurnsTheHour(FaultyStore):
    """Bounds what comes to an inbox for ever by the number that an hour may have."""

    caught_by = "test_an_inbox_takes_small_envelopes_few_and_slowly"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=NOW if now > NOW + 3000 else now, **more)


class TakesLargeEnvelopesFromAnybody(FaultyStore):
    """Takes large envelopes into an inbox."""

    caught_by = "test_an_inbox_takes_small_envelopes_few_and_slowly"

    async def put(self, queue, *, envelope, **more):
        try:
            await super().put(queue, envelope=envelope, **more)
        except Refused:
            if len(envelope) < 256 * 1024:
                raise


class KeepsTheOlderLastResort(FaultyStore):
    """Keeps the first card of last resort."""

    caught_by = "test_a_newer_last_resort_replaces_the_older"

    async def publish(self, queue, *, receive, last_resort, **more):
        last_resort = self._own(queue, receive).last_resort or last_resort
        return await super().publish(queue, receive=receive, last_resort=last_resort, **more)


class PublishesHalf(FaultyStore):
    """Keeps the cards of a publication whose tokens are too many."""

    caught_by = "test_a_pool_is_bounded_and_a_refused_publication_changes_nothing"

    async def publish(self, queue, *, receive, last_resort, tokens, **more):
        if len(tokens) > self.limits.tokens:
            self._own(queue, receive).last_resort = last_resort
        return await super().publish(queue, receive=receive, last_resort=last_resort, tokens=tokens, **more)


class GivesOneCardToAllAtOnce(FaultyStore):
    """Looks for a card, and takes it out a moment later."""

    caught_by = "test_many_claims_at_once_get_different_cards"

    async def claim(self, queue, *, send, **more):
        cards = self._admitted(queue, send).cards
        if not cards:
            return await super().claim(queue, send=send, **more)
        card = cards[0]
        await checkpoint()
        if card in cards:
            cards.remove(card)
        return Claimed(card=card, last_resort=False)
