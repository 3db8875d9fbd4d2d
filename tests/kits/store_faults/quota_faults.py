"""Faults of bounds and times."""

from __future__ import annotations

from dataclasses import replace

from anyio.lowlevel import checkpoint
from balchat_relay.storage import rules
from balchat_relay_proto.errors import Code, Refused

from tests.kits.store_faults.faulty_store import FaultyStore


class GivesTheOld(FaultyStore):
    """Gives what is too old."""

    caught_by = "test_what_is_too_old_is_not_given_and_then_deleted"

    async def fetch(self, queue, *, now, **more):
        return await super().fetch(queue, now=0, **more)


class NeverSweeps(FaultyStore):
    """Never deletes a queue that its owner has forgotten."""

    caught_by = "test_a_queue_that_its_owner_forgot_is_deleted"

    async def sweep(self, *, now):
        return False


class BoundsNoCount(FaultyStore):
    """Lets a queue have any number of envelopes."""

    caught_by = "test_a_queue_takes_no_more_than_its_count"

    def _quota(self, queue):
        return 2**31, super()._quota(queue)[1]


class BoundsNoOctets(FaultyStore):
    """Lets a queue have any number of octets."""

    caught_by = "test_a_queue_takes_no_more_than_its_octets"

    def _quota(self, queue):
        return super()._quota(queue)[0], 2**31


class ExpiresEarly(FaultyStore):
    """Deletes what has been there for half of its time."""

    caught_by = "test_nothing_goes_before_its_time"

    async def sweep(self, *, now):
        return await super().sweep(now=now + self.limits.max_age // 2)


class KeepsWhatOthersFill(FaultyStore):
    """Takes whoever puts into a queue for its owner, and so keeps one that its owner has forgotten."""

    caught_by = "test_a_queue_that_its_owner_forgot_is_deleted"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=now, **more)
        self._queues[queue].seen = now


class CountsWhatIsGone(FaultyStore):
    """Counts what was acknowledged as if it were still there."""

    caught_by = "test_a_full_store_refuses_and_serves_what_it_has"
    gone = 0

    async def acknowledge(self, queue, **more):
        before = super().totals.octets
        await super().acknowledge(queue, **more)
        self.gone += before - super().totals.octets

    @property
    def totals(self):
        return replace(super().totals, octets=super().totals.octets + self.gone)


class BoundsNoCards(FaultyStore):
    """Takes cards although there is no room."""

    caught_by = "test_a_full_store_refuses_and_serves_what_it_has"

    async def publish(self, queue, **more):
        limits, self._limits = self._limits, replace(self._limits, octets=2**40)
        try:
            return await super().publish(queue, **more)
        finally:
            self._limits = limits


class HasHoursForEveryQueue(FaultyStore):
    """Bounds what is put into any queue within an hour."""

    caught_by = "test_a_queue_has_no_hourly_number"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=now, **more)
        if self._queues[queue].puts > self.limits.inbox_puts_per_hour:
            raise rules.inbox_busy(now)


class UsesUpInvitationsForNothing(FaultyStore):
    """Uses an invitation up by a creation that it refuses."""

    caught_by = "test_a_creation_that_is_refused_uses_up_no_invitation"

    async def create(self, queue, *, invitation=None, **more):
        try:
            await super().create(queue, invitation=invitation, **more)
        except Refused:
            if invitation in self._invitations:
                self._invitations[invitation] -= 1
            raise


class CountsOctetsOfWhatIsGone(FaultyStore):
    """Counts what was acknowledged among the octets of its queue."""

    caught_by = "test_a_queue_takes_no_more_than_its_octets"
    gone = 0

    async def acknowledge(self, queue, **more):
        before = self._queues[queue].octets
        await super().acknowledge(queue, **more)
        self.gone += before - self._queues[queue].octets

    def _quota(self, queue):
        envelopes, octets = super()._quota(queue)
        return envelopes, octets - self.gone


class PaysForEachTry(FaultyStore):
    """Uses an invitation up for each of several creations at once of one queue."""

    caught_by = "test_whoever_creates_a_queue_several_times_at_once_pays_once"

    async def create(self, queue, *, invitation=None, **more):
        new = queue not in self._queues
        await checkpoint()
        if new and queue in self._queues and self._invitations.get(invitation):
            self._invitations[invitation] -= 1
        await super().create(queue, invitation=invitation, **more)


class RefusesTheSecondAtOnce(FaultyStore):
    """Refuses to create a queue that somebody is creating."""

    caught_by = "test_whoever_creates_a_queue_several_times_at_once_pays_once"

    async def create(self, queue, **more):
        self.creating = getattr(self, "creating", set())
        if queue in self.creating:
            raise Refused(Code.DENIED, "somebody creates it")
        self.creating.add(queue)
        await checkpoint()
        await super().create(queue, **more)
        self.creating.discard(queue)


class SweepsForEver(FaultyStore):
    """Says that there is more that is too old where there is nothing."""

    caught_by = "test_what_is_too_old_is_not_given_and_then_deleted"

    async def sweep(self, *, now):
        await super().sweep(now=now)
        return True


class SweepsAlone(FaultyStore):
    """Raises where two sweep at once."""

    caught_by = "test_several_may_sweep_at_once"
    failures = (RuntimeError,)
    busy = False

    async def sweep(self, *, now):
        if self.busy:
            raise RuntimeError("somebody sweeps")
        self.busy = True
        await checkpoint()
        self.busy = False
        return await super().sweep(now=now)


class AddsInvitations(FaultyStore):
    """Adds what an invitation is good for to what it was good for."""

    caught_by = "test_an_invitation_is_good_for_its_number_of_queues"

    async def invite(self, invitation, *, queues):
        await super().invite(invitation, queues=self._invitations.get(invitation, 0) + queues)


class TakesAnyInvitation(FaultyStore):
    """Takes an invitation that nobody has made."""

    caught_by = "test_an_invitation_is_good_for_its_number_of_queues"

    async def create(self, queue, *, invitation=None, **more):
        await super().create(queue, **more)


class RefusesWhatIsThereWhenFull(FaultyStore):
    """Refuses a queue that is there already once it has as many as it may."""

    caught_by = "test_no_more_queues_than_allowed_are_created"

    async def create(self, queue, **more):
        if len(self._queues) >= self.limits.queues:
            raise rules.relay_full()
        await super().create(queue, **more)


class SaysNotWhenToTryAgain(FaultyStore):
    """Does not say when somebody may try again whose queue is full."""

    caught_by = "test_a_queue_takes_no_more_than_its_count"

    async def put(self, queue, **more):
        try:
            await super().put(queue, **more)
        except Refused as error:
            raise Refused(error.code, "it is full") from None


class RefusesRepetitionsWhenFull(FaultyStore):
    """Refuses what is there already once a queue is full."""

    caught_by = "test_a_queue_takes_no_more_than_its_count"

    async def put(self, queue, **more):
        if len(self._queues[queue].envelopes) >= self.limits.queue_envelopes:
            raise rules.queue_full()
        await super().put(queue, **more)
