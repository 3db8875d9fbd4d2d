"""Faults of inboxes and of the pool of cards."""

from __future__ import annotations

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
