"""Faults of ways to an account: the account itself, and its settings."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import anyio

from balchat_host.api.errors import BadInput, SettingNotWritable, WeakPassphrase, WrongSecret
from tests.kits.app_faults.faulty_app import FaultyApp

logger = logging.getLogger(__name__)

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
