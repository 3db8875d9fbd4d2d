"""Our inbox at a relay, with the cards by which strangers can write to us while we are away."""

from dataclasses import replace
from typing import Final

from balchat_relay_proto.capabilities import Capability, inbox_id
from balchat_relay_proto.cards import CARD_DOMAIN, MAX_KEY_PACKAGE, Card, card_message, wrap
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.proofs import Purpose
from balchat_relay_proto.replies import Claimed, Created, Done, Published, QueueStatus
from balchat_relay_proto.requests import Claim, CreateInbox, Delete, GetStatus, Publish
from balchat_relay_proto.sealing import SealingKey
from balchat_relay_proto.sizes import MAX_TOKENS

from balchat_host.api.transport import TransportContext
from balchat_transport_relay.client import RelayClient
from balchat_transport_relay.errors import RelayMisbehaved

_RENEW_BEFORE: Final = 7 * 24 * 3600
"""Seconds before the last resort expires at which we replace it."""


class InboxMaintainer:
    """Registers our inbox at one relay and keeps it stocked with cards. Times are Unix seconds."""

    def __init__(self, context: TransportContext, client: RelayClient, sealing_key: SealingKey, *, pool: int) -> None:
        self._context = context
        self._client = client
        self._sealing_key = sealing_key
        self._pool = pool
        self._queue = inbox_id(context.identity.octets)

    async def register(self, permit: str | None) -> None:
        """Create the inbox, unless it exists. Raise Refused, RelayUnavailable, RelayMisbehaved."""
        created = await self._client.ask_as_owner(
            Purpose.CREATE, lambda owner: CreateInbox(owner=owner, permit=permit), Created
        )
        if created.queue != self._queue:
            raise RelayMisbehaved("it creates another queue than we asked for")

    async def stock(self, now: int, good_until: int) -> int:
        """Check that the inbox has room and cards. Publish cards where they run low or grow old.

        `good_until` is what the last call gave: when the first of the cards is out of date. Raise what `register`
        does; Refused (QUEUE_FULL) too where nobody can put anything in any more.
        """
        status = await self._client.ask_as_owner(
            Purpose.STATUS, lambda owner: GetStatus(queue=self._queue, authority=owner), QueueStatus
        )
        if not status.last_resort or now > good_until - _RENEW_BEFORE:
            if good_until:
                await self._clear(min(status.cards, MAX_TOKENS))
                status = replace(status, cards=0)
            good_until = await self._publish(status.cards)
        elif status.cards * 2 < self._pool:
            good_until = min(good_until, await self._publish(status.cards))
        if status.envelopes >= status.max_envelopes or status.octets >= status.max_octets:
            raise Refused(Code.QUEUE_FULL, "")
        return good_until

    async def remove(self) -> None:
        """Delete the inbox and everything in it. Raise what `register` does."""
        await self._client.ask_as_owner(Purpose.DELETE, lambda owner: Delete(queue=self._queue, authority=owner), Done)

    async def _clear(self, cards: int) -> None:
        """Claim old cards with tokens of our own, since the relay would give them to strangers first."""
        if not cards:
            return
        tokens = [Capability.generate() for _ in range(cards)]
        verifiers = tuple(token.verifier for token in tokens)
        await self._client.ask_as_owner(
            Purpose.PUBLISH,
            lambda owner: Publish(queue=self._queue, authority=owner, cards=(), token_verifiers=verifiers),
            Published,
        )
        for token in tokens:
            claimed = await self._client.ask(Claim(queue=self._queue, token=token), Claimed)
            if claimed.last_resort:
                return

    async def _publish(self, there: int) -> int:
        """Fill up the pool; return when its cards expire."""
        made = await self._context.key_packages(max(0, self._pool - there))
        fitting = [each for each in made.single_use if len(each) <= MAX_KEY_PACKAGE]
        cards = tuple([await self._card(key_package, made.not_after) for key_package in fitting])
        last_resort = await self._card(made.last_resort, made.not_after)
        await self._client.ask_as_owner(
            Purpose.PUBLISH,
            lambda owner: Publish(queue=self._queue, authority=owner, cards=cards, last_resort=last_resort),
            Published,
        )
        return made.not_after

    async def _card(self, key_package: bytes, not_after: int) -> bytes:
        message = card_message(sealing_key=self._sealing_key, key_package=key_package, not_after=not_after)
        card = Card(
            sealing_key=self._sealing_key.octets,
            key_package=key_package,
            not_after=not_after,
            signature=await self._context.sign(domain=CARD_DOMAIN, message=message),
        )
        return wrap(card, onion_key=self._context.identity.octets)
