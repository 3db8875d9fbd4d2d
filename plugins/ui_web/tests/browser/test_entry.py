"""Before the conversations: an account is made, unlocked, locked; and nothing of its secrets stays in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.staged_page import Refusal, Staged, account

if TYPE_CHECKING:
    from playwright.sync_api import Page

CODE = "7ZQ4-K2M8-XY3P-AB7D-9QRS-T4VW-M0RD"
STRONG = "five words nobody else has"


def stands(stage: Staged, **state: object) -> None:
    """Have the server say how the account is."""
    stage.tell("web.watch", account.WEB_STATE | state)


def called(stage: Staged, method: str) -> list[dict[str, object]]:
    return [params for name, params in stage.calls if name == method]


@pytest.fixture(autouse=True)
def _nothing_called(stage: Staged) -> None:
    stage.calls.clear()


def test_an_account_is_made_and_its_recovery_code_shown_once(stage: Staged, played: Page):
    stands(stage, account="none")
    stage.answers["web.check_passphrase"] = lambda passphrase: (
        None if passphrase == STRONG else Refusal("weak-passphrase", problem="it is guessed within minutes")
    )
    stage.answers["web.create"] = {"recovery_code": CODE}
    passphrase, again = played.get_by_label("New passphrase"), played.get_by_label("Repeat the passphrase")
    create = played.get_by_role("button", name="Create the account")
    played.get_by_label("Your name").fill("Alice")

    passphrase.fill("12345")
    expect(played.get_by_role("alert")).to_contain_text("guessed within minutes")
    passphrase.fill(STRONG)
    expect(played.get_by_text("Strong enough")).to_be_visible()
    again.fill("another one")
    create.click()
    expect(played.get_by_text("The two passphrases differ")).to_be_visible()
    assert called(stage, "web.create") == []

    again.fill(STRONG)
    create.click()
    expect(played.get_by_label("Your recovery code")).to_contain_text("7ZQ4")
    # The account is there at once. The code must not go away for that.
    stands(stage, account="stopped")
    kept = played.get_by_label("Type the last group from your written copy")
    kept.fill("AB7D")
    played.get_by_role("button", name="I have kept it").click()
    expect(played.get_by_role("alert")).to_contain_text("not the last group")
    assert called(stage, "web.start") == []
    kept.fill("mord")
    played.get_by_role("button", name="I have kept it").click()
    expect(played.get_by_role("heading", name="Welcome back")).to_be_visible()
    assert called(stage, "web.start") == [{"secret": STRONG, "slot": "passphrase"}]
    assert "7ZQ4" not in played.content()


def test_an_account_is_unlocked_by_its_passphrase_or_its_recovery_code(stage: Staged, played: Page):
    stands(stage, account="stopped")
    stage.answers["web.start"] = lambda secret, slot: None if secret == CODE else Refusal("wrong-secret")
    field = played.get_by_label("Passphrase", exact=True)
    expect(field).to_be_focused()
    field.fill("not it")
    field.press("Enter")
    expect(played.get_by_role("alert")).to_contain_text("does not open the account")
    expect(field).to_have_attribute("aria-invalid", "true")
    played.get_by_role("button", name="Use the recovery code").click()
    played.get_by_label("Recovery code").fill(CODE)
    played.get_by_role("button", name="Unlock").click()
    stands(stage, account="running")
    expect(played.locator(".app")).to_be_visible()
    assert called(stage, "web.start")[-1] == {"secret": CODE, "slot": "recovery-code"}


def test_another_profile_is_chosen(stage: Staged, played: Page):
    stands(stage, account="stopped")
    played.get_by_role("button", name="Profile: default").click()
    dialog = played.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="default")).to_have_attribute("aria-current", "true")
    dialog.get_by_role("button", name="work").click()
    expect(dialog.get_by_role("button", name="work")).to_be_visible()
    assert called(stage, "web.choose") == [{"profile": "work"}]
    played.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(played.get_by_role("button", name="Profile: default")).to_be_focused()


def test_an_error_says_numbers_that_are_names_as_they_are(stage: Staged, played: Page):
    stands(
        stage, account="unreachable", error={"code": "running-unreachable", "message": "", "fields": {"process": 4711}}
    )
    expect(played.get_by_role("alert")).to_contain_text("process 4711")


def test_where_the_terminal_unlocks_the_page_asks_for_no_secret(stage: Staged, played: Page):
    stands(stage, account="stopped", unlock="terminal")
    expect(played.get_by_text("balchat up --detach")).to_be_visible()
    expect(played.locator("input")).to_have_count(0)


def test_a_locked_screen_has_nothing_of_the_account_and_opens_by_the_passphrase(stage: Staged, played: Page):
    stands(stage, account="running")
    expect(played.get_by_text(account.MARTA.name).first).to_be_visible()
    played.get_by_role("button", name="Account menu").click()
    played.get_by_role("menuitem", name="Lock the screen").click()
    stage.close(4423)
    expect(played.get_by_role("heading", name="The screen is locked")).to_be_visible()
    assert account.MARTA.name not in played.content()
    assert ("/lock", {}) in stage.calls
    played.get_by_label("Passphrase", exact=True).fill(STRONG)
    played.get_by_role("button", name="Unlock the screen").click()
    expect(played.get_by_text(account.MARTA.name).first).to_be_visible()
