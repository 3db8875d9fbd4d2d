"""Faults of ways to an account: the account itself, and its settings."""

from __future__ import annotations

import logging
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path

import anyio

from balchat_host.api.errors import BadInput, SettingNotWritable, WeakPassphrase, WrongSecret
from tests.kits.app_faults.faulty_app import FaultyApp

logger = logging.getLogger(__name__)

CODE = "test_the_chat_code_is_the_key"
EMPTY = "test_a_new_account_is_empty"
LISTED = "test_every_setting_is_listed_with_what_it_takes"
PENDING = "test_what_holds_after_a_restart_is_pending"
WATCHED = "test_watching_gives_the_settings_now_and_after_a_change"
SECRETS = "test_only_the_passphrase_or_the_recovery_code_changes_the_passphrase"
SETTINGS = "test_what_cannot_be_set_is_refused_and_nothing_changes"


class TakesAnyPassphrase(FaultyApp):
    """Takes any passphrase for the right one."""

    caught_by = "test_the_passphrase_is_verified_and_nothing_else_is_one"

    async def account_verify_passphrase(self, call, passphrase):
        with suppress(WrongSecret):
            await call(passphrase)


class ChangesNoPassphrase(FaultyApp):
    """Says that the passphrase is changed, and leaves it."""

    caught_by = SECRETS

    async def account_change_passphrase(self, call, old, new):
        await call(old, old)


class TakesWeakPassphrases(FaultyApp):
    """Says that a passphrase is changed which is too weak."""

    caught_by = "test_a_weak_passphrase_is_refused_and_the_old_one_stays"

    async def account_change_passphrase(self, call, old, new):
        with suppress(WeakPassphrase):
            await call(old, new)


class KeepsTheOldRecoveryCode(FaultyApp):
    """Gives the recovery code that it gave the last time."""

    caught_by = "test_a_new_recovery_code_takes_the_place_of_the_old_one"

    async def account_renew_recovery_code(self, call, passphrase):
        await self._app.account.verify_passphrase(passphrase)
        return passphrase


class LogsSecrets(FaultyApp):
    """Writes a new passphrase into the log."""

    caught_by = SECRETS
    audited = True

    async def account_change_passphrase(self, call, old, new):
        logger.info("changed to %s", new.reveal().decode())
        await call(old, new)


class WritesOverBackups(FaultyApp):
    """Puts a backup in the place of one that is there."""

    caught_by = "test_a_backup_replaces_none_that_is_there"

    async def account_backup(self, call, target):
        if await anyio.Path(target).exists():
            await anyio.to_thread.run_sync((Path(target) / "newer").touch)
        else:
            await call(target)


class OffersEverything(FaultyApp):
    """Says that it can do what nobody has heard of."""

    caught_by = "test_capabilities_are_what_the_areas_have"

    async def capabilities(self):
        return await self._app.capabilities() | {"messages.unsend"}


class CountsNothingThatWaits(FaultyApp):
    """Says that nothing waits to be sent."""

    caught_by = "test_a_sent_message_is_kept_as_it_was_written"

    async def status_get(self, call):
        status = await call()
        return replace(status, outbox=replace(status.outbox, waiting=0))


class TellsItsStateOnce(FaultyApp):
    """Says how it is at first, and nothing of what changes then."""

    caught_by = "test_watching_gives_the_state_now_and_after_a_change"

    async def status_watch(self, call):
        yield await self._app.status.get()
        await anyio.sleep_forever()


class SetsInItsViewOnly(FaultyApp):
    """Says that a setting is changed, and leaves it."""

    caught_by = "test_a_setting_is_changed_and_reset"

    async def settings_set(self, call, key, value):
        return replace(await self._app.settings.get(key), value=value, source="file")


class SetsWhatIsNotWritable(FaultyApp):
    """Says nothing of a setting that front ends may not change."""

    caught_by = SETTINGS

    async def settings_set(self, call, key, value):
        with suppress(SettingNotWritable):
            return await call(key, value)
        return await self._app.settings.get(key)


class SetsWhatDoesNotFit(FaultyApp):
    """Gives a setting its default where a value does not fit."""

    caught_by = SETTINGS

    async def settings_set(self, call, key, value):
        with suppress(BadInput):
            return await call(key, value)
        return await self._app.settings.reset(key)


class GivesBareAddresses(FaultyApp):
    """Gives the onion address for the chat code, without all else that a code says."""

    caught_by = CODE

    async def account_code(self, call):
        ours = await call()
        return replace(ours, code=ours.onion)


class GivesCodesInCapitals(FaultyApp):
    """Gives the chat code in capitals, as QR codes have it."""

    caught_by = CODE

    async def account_code(self, call):
        ours = await call()
        return replace(ours, code=ours.code.upper())


class GivesPeerIdsInCapitals(FaultyApp):
    """Gives our peer id in capitals, which no other view does."""

    caught_by = CODE

    async def account_code(self, call):
        ours = await call()
        return replace(ours, peer_id=ours.peer_id.upper())


class WaitsSinceTheBeginning(FaultyApp):
    """Gives 0 for the time since which something waits, where nothing does."""

    caught_by = EMPTY

    async def status_get(self, call):
        status = await call()
        return replace(status, outbox=replace(status.outbox, oldest=status.outbox.oldest or 0))


class HidesWhatIsEmpty(FaultyApp):
    """Lists no conversation in which nothing was written, ours neither."""

    caught_by = EMPTY

    async def conversations_list(self, call):
        return [view for view in await call() if view.last_message is not None or view.draft or view.contact]


class ListsSettingsWithoutChoices(FaultyApp):
    """Does not say among what a setting is chosen."""

    caught_by = LISTED

    async def settings_list(self, call):
        return [replace(view, choices=()) for view in await call()]


class SaysThatAllIsWritable(FaultyApp):
    """Says of every setting that front ends may change it."""

    caught_by = LISTED

    async def settings_list(self, call):
        return [replace(view, writable=True) for view in await call()]


class SaysLessOfOneSetting(FaultyApp):
    """Says less of a setting that is asked for alone than of all together."""

    caught_by = LISTED

    async def settings_get(self, call, key):
        return replace(await call(key), doc="")


class SaysInUseAtOnce(FaultyApp):
    """Says of every change of a setting that it holds."""

    caught_by = PENDING

    async def settings_set(self, call, key, value):
        return replace(await call(key, value), pending=False)


class SaysPendingOfWhatIsInUse(FaultyApp):
    """Says that a setting holds after a restart only, although it has the value that is in use."""

    caught_by = PENDING

    async def settings_set(self, call, key, value):
        changed = await call(key, value)
        return replace(changed, pending=not changed.at_once)


class TellsSettingsOnce(FaultyApp):
    """Gives the settings as they are at first, and nothing of what changes then."""

    caught_by = WATCHED

    async def settings_watch(self, call):
        yield await self._app.settings.list()
        await anyio.sleep_forever()


class TellsOnlyWhatChanged(FaultyApp):
    """Gives, after a change, the setting that was changed without the others."""

    caught_by = WATCHED

    async def settings_watch(self, call):
        known = {}
        async with aclosing(call()) as watched:
            async for views in watched:
                yield [view for view in views if known.get(view.key) != view]
                known = {view.key: view for view in views}
