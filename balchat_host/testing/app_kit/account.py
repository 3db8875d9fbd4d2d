"""The account itself."""

from pathlib import Path

import anyio
import pytest

from balchat_host.api.errors import (
    BadInput,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.frontend import NOTES_TO_SELF, App
from balchat_host.api.frontend.area import areas_of, method_names
from balchat_host.api.types import PeerId, Secret
from balchat_host.testing.app_kit.accounts import NEW_PASSPHRASE, WRONG_SECRET, AppKitBase, TestedAccount, nobody
from balchat_host.testing.audit import confide
from balchat_host.testing.waiting import PATIENCE, closing


@pytest.mark.anyio
class AccountTests(AppKitBase):
    """The account itself."""

    async def test_the_chat_code_is_the_key(self, app: App) -> None:
        ours = await app.account.code()
        peer = PeerId(bytes.fromhex(ours.peer_id))
        assert (ours.peer_id, ours.onion) == (peer.octets.hex(), peer.onion)
        assert ours.code.startswith("balchat:" + peer.onion.removesuffix(".onion"))

    async def test_a_new_account_is_empty(self, app: App) -> None:
        status = await app.status.get()
        assert await app.contacts.list() == []
        assert [view.title for view in await app.conversations.list()] == [NOTES_TO_SELF]
        assert status.requests == len(await app.requests.list()) == 0
        assert (status.outbox.waiting, status.outbox.oldest) == (0, None)

    async def test_watching_gives_the_state_now_and_after_a_change(self, app: App) -> None:
        async with closing(app.status.watch()) as watched:
            assert (await anext(watched)).outbox.waiting == 0
            await app.contacts.add(nobody().onion, "Bob")
            with anyio.fail_after(PATIENCE):
                while not (await anext(watched)).outbox.waiting:
                    pass

    async def test_only_the_passphrase_or_the_recovery_code_changes_the_passphrase(self, alice: TestedAccount) -> None:
        for secret in (alice.passphrase, alice.recovery_code, NEW_PASSPHRASE):
            confide("a secret", secret.reveal())
        with pytest.raises(WrongSecret):
            await alice.app.account.change_passphrase(WRONG_SECRET, NEW_PASSPHRASE)
        await alice.app.account.change_passphrase(alice.passphrase, NEW_PASSPHRASE)
        with pytest.raises(WrongSecret):
            await alice.app.account.change_passphrase(alice.passphrase, NEW_PASSPHRASE)
        await alice.app.account.change_passphrase(alice.recovery_code, alice.passphrase)
        await alice.app.account.change_passphrase(alice.passphrase, NEW_PASSPHRASE)

    async def test_the_passphrase_is_verified_and_nothing_else_is_one(self, alice: TestedAccount) -> None:
        await alice.app.account.verify_passphrase(alice.passphrase)
        for wrong in (WRONG_SECRET, alice.recovery_code, Secret.from_text("")):
            with pytest.raises(WrongSecret):
                await alice.app.account.verify_passphrase(wrong)
        await alice.app.account.verify_passphrase(alice.passphrase)

    async def test_capabilities_are_what_the_areas_have(self, app: App) -> None:
        known = {f"{area}.{name}" for area, owner in areas_of(App).items() for name in method_names(owner)}
        offered = await app.capabilities()
        assert {name for name in offered if "." in name} <= known
        assert {"contacts.add", "messages.send", "events.follow"} <= offered

    async def test_a_weak_passphrase_is_refused_and_the_old_one_stays(self, alice: TestedAccount) -> None:
        with pytest.raises(WeakPassphrase):
            await alice.app.account.change_passphrase(alice.passphrase, Secret.from_text("a"))
        await alice.app.account.change_passphrase(alice.passphrase, NEW_PASSPHRASE)

    async def test_a_new_recovery_code_takes_the_place_of_the_old_one(self, alice: TestedAccount) -> None:
        with pytest.raises(WrongSecret):
            await alice.app.account.renew_recovery_code(WRONG_SECRET)
        renewed = await alice.app.account.renew_recovery_code(alice.passphrase)
        assert renewed != alice.recovery_code
        with pytest.raises(WrongSecret):
            await alice.app.account.change_passphrase(alice.recovery_code, NEW_PASSPHRASE)
        await alice.app.account.change_passphrase(renewed, NEW_PASSPHRASE)

    async def test_a_backup_replaces_none_that_is_there(self, app: App, tmp_path: Path) -> None:
        target = anyio.Path(tmp_path / "backup")
        await app.account.backup(str(target))
        written = await target.stat()
        with pytest.raises(BadInput):
            await app.account.backup(str(target))
        assert await target.stat() == written
        with pytest.raises(BadInput):
            await app.account.backup("backup")
