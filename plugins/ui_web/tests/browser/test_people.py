"""People: asked by whatever was given of them, answered, verified, and told apart."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.staged_page import Refusal, Staged, account
from tests.support.staged_page.screens import go

if TYPE_CHECKING:
    from playwright.sync_api import Page

CODE = account.CODE.code
JONAS = account.CONTACTS[1]


def called(stage: Staged, method: str) -> list[dict[str, object]]:
    return [params for name, params in stage.calls if name == method]


@pytest.fixture(autouse=True)
def _nothing_called(stage: Staged) -> None:
    stage.calls.clear()
    stage.answers["contacts.add"] = JONAS


def paste(page: Page, text: str) -> None:
    """Put a text into the field as a paste does."""
    page.get_by_label("Their chat code").fill(text)


@pytest.mark.parametrize(
    "given", [CODE, f"Hi! Here is my code: {CODE}. See you", account.CODE.onion], ids=["code", "message", "onion"]
)
def test_one_field_takes_whatever_was_pasted(stage: Staged, played: Page, given: str):
    """Behaviour 23."""
    go(played, stage, "add")
    paste(played, given)
    expect(played.get_by_label("What you call them")).to_have_value("Alice" if CODE in given else "")
    played.get_by_label("Who you are").fill("From the hall")
    played.get_by_role("button", name="Ask for contact").click()
    expect(played.get_by_role("heading", name=JONAS.name, level=1)).to_be_attached()
    [asked] = called(stage, "contacts.add")
    assert asked["code"] == (CODE if CODE in given else account.CODE.onion)
    assert asked["introduction"] == "From the hall"


PASTE_LARGE = """() => {
  const pasted = new DataTransfer();
  pasted.items.add(new File([new Uint8Array(8 * 1024 * 1024 + 1)], "code.png", { type: "image/png" }));
  document.querySelector("main form").dispatchEvent(new ClipboardEvent("paste", { clipboardData: pasted }));
}"""


def test_a_picture_of_a_qr_code_is_read(stage: Staged, played: Page):
    """Behaviour 23."""
    go(played, stage, "add")
    stage.answers["/qr"] = {"text": None}
    chooser = played.locator("input[type=file]")
    picture = {"name": "code.png", "mimeType": "image/png", "buffer": b"png"}
    chooser.set_input_files(picture)
    expect(played.get_by_role("alert")).to_contain_text("No QR code was found")
    played.evaluate(PASTE_LARGE)
    expect(played.get_by_text("This is too large.")).to_be_visible()
    stage.answers["/qr"] = {"text": CODE}
    chooser.set_input_files(picture)
    expect(played.get_by_label("Their chat code")).to_have_value(CODE)


def test_what_is_wrong_stands_at_the_field_that_it_is_about(stage: Staged, played: Page):
    go(played, stage, "add")
    paste(played, CODE)
    stage.answers["contacts.add"] = Refusal("name-taken", name="Alice")
    played.get_by_role("button", name="Ask for contact").click()
    expect(played.get_by_label("What you call them")).to_have_attribute("aria-invalid", "true")
    stage.answers["contacts.add"] = Refusal("own-chat-code")
    played.get_by_role("button", name="Ask for contact").click()
    expect(played.get_by_label("Their chat code")).to_have_attribute("aria-invalid", "true")


def test_the_address_of_a_relay_is_known_as_one(stage: Staged, played: Page):
    go(played, stage, "add")
    paste(played, f"balchat-relay:{account.RELAYS[0].onion}")
    expect(played.get_by_role("alert")).to_contain_text("address of a relay")
    expect(played.get_by_role("button", name="Ask for contact")).to_be_disabled()


def test_a_request_is_accepted_under_a_name_of_ours_or_turned_down_or_blocked(stage: Staged, played: Page):
    go(played, stage, "requests")
    stage.answers["requests.accept"] = Refusal("name-taken", name="Rafael Montes")
    first = played.get_by_role("listitem").filter(has_text="Rafael Montes")
    first.get_by_role("button", name="Accept").click()
    expect(first.get_by_role("alert")).to_contain_text("taken already")
    first.get_by_label("What you call them").fill("Rafa")
    stage.answers["requests.accept"] = JONAS
    first.get_by_role("button", name="Accept").click()
    expect(played.get_by_role("heading", name=JONAS.name, level=1)).to_be_attached()
    assert called(stage, "requests.accept")[-1] == {"request": account.REQUESTS[0].peer_id, "name": "Rafa"}

    go(played, stage, "requests")
    kim = played.get_by_role("listitem").filter(has_text="Kim")
    turn_down = kim.get_by_role("button", name="Decline", exact=True)
    turn_down.click()
    played.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(turn_down).to_be_focused()
    assert called(stage, "requests.reject") == []
    stage.answers["requests.reject"] = account.REQUESTS[1]
    turn_down.click()
    played.get_by_role("dialog").get_by_role("button", name="Decline").click()
    expect(played.get_by_text("The request was declined.")).to_be_visible()

    stage.answers["requests.block"] = JONAS
    kim.get_by_role("button", name="Decline and block").click()
    dialog = played.get_by_role("dialog", name="Decline the request from Kim and block them?")
    expect(dialog).to_contain_text("not told")
    dialog.get_by_role("button", name="Decline and block").click()
    expect(played.get_by_text("Kim is blocked.")).to_be_visible()
    assert called(stage, "requests.block") == [{"request": account.REQUESTS[1].peer_id}]


def test_a_contact_is_verified_only_by_what_the_other_side_has(stage: Staged, played: Page):
    go(played, stage, "verify")
    field, verify = (
        played.get_by_label("What Jonas Weber sees"),
        played.get_by_role("button", name="Compare and verify"),
    )
    expect(verify).to_be_disabled()
    field.fill("00000 " + account.SAFETY_NUMBER[5:])
    expect(played.get_by_role("alert")).to_contain_text("digits differ")
    expect(played.locator(".safety-number .different")).to_have_count(1)
    field.fill(account.SAFETY_NUMBER)
    expect(played.locator(".safety-number .same")).to_have_count(12)
    stage.answers["contacts.verify"] = JONAS
    verify.click()
    expect(played.get_by_text("Jonas Weber is verified.")).to_be_visible()
    assert called(stage, "contacts.verify") == [{"contact": JONAS.peer_id, "safety_number": account.SAFETY_NUMBER}]


def test_comparing_by_voice_takes_a_second_step(stage: Staged, played: Page):
    go(played, stage, "verify")
    played.get_by_role("button", name="We compared all of it by voice").click()
    dialog = played.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    assert called(stage, "contacts.verify") == []
    dialog.get_by_role("button", name="All sixty digits are the same").click()
    expect(dialog).to_be_hidden()
    assert len(called(stage, "contacts.verify")) == 1


def test_a_contact_is_blocked_only_by_who_agrees(stage: Staged, played: Page):
    go(played, stage, "contact")
    block = played.get_by_role("button", name="Block")
    block.click()
    played.keyboard.press("Escape")
    expect(block).to_be_focused()
    block.click()
    played.get_by_role("dialog").get_by_role("button", name="Block").click()
    expect(played.get_by_role("dialog")).to_be_hidden()
    assert called(stage, "contacts.block") == [{"contact": account.MARTA.peer_id}]


def test_how_a_contact_is_reached_stands_with_them(stage: Staged, played: Page):
    direct, relay = account.ROUTES
    go(played, stage, "contact")
    routes = played.locator(".app-side .route")
    expect(routes).to_have_count(2)
    expect(routes.first).to_contain_text("Directly")
    expect(routes.first.locator("code")).to_have_text(str(direct.onion))
    expect(routes.last).to_contain_text(re.compile("Through a relay, also while they are away · until .*2026"))
    expect(routes.last.locator("code")).to_have_text(str(relay.onion))


def test_an_alarm_stands_with_its_contact_and_leads_to_comparing(stage: Staged, played: Page):
    go(played, stage, "contact-alarm")
    side = played.get_by_role("complementary")
    expect(side).to_contain_text("Somebody else may hold your keys")
    side.get_by_role("button", name="Compare the safety number again").click()
    expect(side.get_by_role("heading", name="Verify", exact=True)).to_be_visible()


def test_own_code_is_copied_whole_and_short(stage: Staged, played: Page):
    """Behaviour 23."""
    played.context.grant_permissions(["clipboard-read", "clipboard-write"])
    go(played, stage, "code")
    expect(played.get_by_role("img", name="QR code of Alice Moreno")).to_be_visible()
    played.get_by_role("button", name="Copy the code").click()
    expect(played.get_by_text("Copied").first).to_be_visible()
    assert played.evaluate("navigator.clipboard.readText()") == CODE
    played.get_by_role("button", name="Copy the short form").click()
    end = time.monotonic() + 20
    while played.evaluate("navigator.clipboard.readText()") != account.CODE.onion:
        assert time.monotonic() < end
