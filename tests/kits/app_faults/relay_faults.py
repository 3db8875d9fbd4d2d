"""Faults of ways to an account: relays, and accounts without any."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from balchat_host.api.errors import BadInput, BadRelayAddress, NoRelayTransport, NoSuchRelay
from balchat_host.testing.app_kit import nobody
from tests.kits.app_faults.faulty_app import FaultyDirect, FaultyRelays

FIRST = "test_the_first_one_added_is_the_default"
AGAIN = "test_adding_one_again_changes_nothing"
ANOTHER = "test_another_becomes_the_default_and_comes_first"
REMOVED = "test_what_is_removed_is_gone_and_the_next_is_the_default"
CALLED = "test_a_relay_is_called_by_its_address_or_its_beginning"
UNKNOWN = "test_a_name_of_none_or_too_short_a_beginning"
BAD = "test_a_bad_address_changes_nothing"
NONE = "test_there_is_no_transport_for_relays"
OFFERED = "test_relays_are_no_capability"


class OffersNoRelays(FaultyRelays):
    """Does not say that it can use relays."""

    caught_by = "test_relays_are_capabilities"

    async def capabilities(self):
        return frozenset(name for name in await self._app.capabilities() if not name.startswith("relays."))


class HasOneAtFirst(FaultyRelays):
    """Uses a relay that nobody has chosen."""

    caught_by = "test_there_is_none_at_first"

    async def relays_list(self, call):
        await self._app.relays.add(nobody(7).onion)
        return await call()


class HasNoDefault(FaultyRelays):
    """Makes none the default."""

    caught_by = FIRST

    async def relays_add(self, call, address):
        return replace(await call(address), default=False)


class MakesTheNewestTheDefault(FaultyRelays):
    """Makes each one that is added the default."""

    caught_by = FIRST

    async def relays_add(self, call, address):
        return await self._app.relays.set_default((await call(address)).onion)


class KnowsOnionsOnly(FaultyRelays):
    """Takes no address in the form in which relays give theirs."""

    caught_by = FIRST

    async def relays_add(self, call, address):
        if address.startswith("balchat-relay:"):
            raise BadRelayAddress(problem="it is no onion address")
        return await call(address)


class ListsOneTwice(FaultyRelays):
    """Lists a relay twice that was added again."""

    caught_by = AGAIN

    async def relays_add(self, call, address):
        self.kept[address] = self.kept.get(address, 0) + 1
        return await call(address)

    async def relays_list(self, call):
        return [view for view in await call() for _ in range(self.kept.get(view.onion, 1))]


class MakesTheDefaultWhatIsAddedAgain(FaultyRelays):
    """Makes a relay the default that is added again."""

    caught_by = AGAIN

    async def relays_add(self, call, address):
        known = await self._app.relays.list()
        added = await call(address)
        return await self._app.relays.set_default(added.onion) if added in known else added


class RefusesWhatIsAddedAgain(FaultyRelays):
    """Raises an error for a relay that is added again."""

    caught_by = AGAIN

    async def relays_add(self, call, address):
        if address in [view.onion for view in await self._app.relays.list()]:
            raise BadInput(what=address, problem="it is in use already")
        return await call(address)


class ListsTheOldestFirst(FaultyRelays):
    """Lists relays in the order in which they were added, whichever is the default."""

    caught_by = ANOTHER

    async def relays_add(self, call, address):
        added = await call(address)
        self.kept.setdefault(added.onion, len(self.kept))
        return added

    async def relays_list(self, call):
        return sorted(await call(), key=lambda view: self.kept[view.onion])


class HasTwoDefaults(FaultyRelays):
    """Leaves the old default one, too."""

    caught_by = ANOTHER

    async def relays_list(self, call):
        return [replace(view, default=True) for view in await call()]


class ChangesTheDefaultInItsViewOnly(FaultyRelays):
    """Says that another one is the default, and leaves the old one."""

    caught_by = ANOTHER

    async def relays_set_default(self, call, relay):
        return replace(await self._app.relays.check(relay), default=True)


class KeepsWhatIsRemoved(FaultyRelays):
    """Keeps a relay that is removed."""

    caught_by = REMOVED

    async def relays_remove(self, call, relay):
        await self._app.relays.check(relay)


class RemovesAll(FaultyRelays):
    """Removes every relay with one."""

    caught_by = REMOVED

    async def relays_remove(self, call, relay):
        for view in await self._app.relays.list():
            await call(view.onion)


class LeavesNoDefault(FaultyRelays):
    """Has no default one when that is removed."""

    caught_by = REMOVED

    async def relays_remove(self, call, relay):
        await call(relay)
        self.kept["removed"] = True

    async def relays_list(self, call):
        return [replace(view, default=view.default and "removed" not in self.kept) for view in await call()]


class KnowsWholeAddressesOnly(FaultyRelays):
    """Knows a relay only by all of its address."""

    caught_by = CALLED

    async def relays_check(self, call, relay):
        if not relay.endswith(".onion"):
            raise NoSuchRelay(name=relay)
        return await call(relay)


class KnowsSmallLettersOnly(FaultyRelays):
    """Knows a relay only in small letters."""

    caught_by = CALLED

    async def relays_check(self, call, relay):
        if relay != relay.lower():
            raise NoSuchRelay(name=relay)
        return await call(relay)


class TakesTheFirstForEverything(FaultyRelays):
    """Takes its first relay for any that is named."""

    caught_by = UNKNOWN

    async def relays_check(self, call, relay):
        with suppress(NoSuchRelay):
            return await call(relay)
        return (await self._app.relays.list())[0]


class RemovesByAShortBeginning(FaultyRelays):
    """Removes a relay of which too few letters were named."""

    caught_by = UNKNOWN

    async def relays_remove(self, call, relay):
        for view in await self._app.relays.list():
            if relay and view.onion.startswith(relay):
                return await call(view.onion)
        return await call(relay)


class SaysBadInputOfUnknownRelays(FaultyRelays):
    """Raises another error than the contract has for a relay that is not there."""

    caught_by = UNKNOWN

    async def relays_set_default(self, call, relay):
        try:
            return await call(relay)
        except NoSuchRelay as error:
            raise BadInput(what=relay, problem="it is no relay of yours") from error


class TakesAnyAddress(FaultyRelays):
    """Takes what is no address, and forgets it."""

    caught_by = BAD

    async def relays_add(self, call, address):
        with suppress(BadRelayAddress):
            return await call(address)


class SaysBadInputOfAddresses(FaultyRelays):
    """Raises another error than the contract has for what is no address."""

    caught_by = BAD

    async def relays_add(self, call, address):
        try:
            return await call(address)
        except BadRelayAddress as error:
            raise BadInput(what=address, problem="it is no address") from error


class ForgetsTheOthers(FaultyRelays):
    """Forgets the relays that it has where another one cannot be added."""

    caught_by = BAD

    async def relays_add(self, call, address):
        try:
            return await call(address)
        except BadRelayAddress:
            for view in await self._app.relays.list():
                await self._app.relays.remove(view.onion)
            raise


class OffersRelays(FaultyDirect):
    """Says that it can use relays, where no transport does."""

    caught_by = OFFERED

    async def capabilities(self):
        return await self._app.capabilities() | {"relays.list"}


class OffersNoDelivery(FaultyDirect):
    """Says that it sends nothing, where no transport uses relays."""

    caught_by = OFFERED

    async def capabilities(self):
        return await self._app.capabilities() - {"delivery"}


class ListsNone(FaultyDirect):
    """Says that there are no relays, where there can be none."""

    caught_by = NONE

    async def relays_list(self, call):
        return []


class KnowsNoneToRemove(FaultyDirect):
    """Says that it does not know a relay, where it cannot know one."""

    caught_by = NONE

    async def relays_remove(self, call, relay):
        try:
            await call(relay)
        except NoRelayTransport as error:
            raise NoSuchRelay(name=relay) from error
