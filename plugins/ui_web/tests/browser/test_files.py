"""Files: staged before they go, watched while they come, seen small first, and never whole before they are."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from balchat_host.api.views import FileState, FileView
from tests.support.staged_page import NO_ANSWER, Refusal, Staged, account
from tests.support.staged_page.screens import go

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

SIGNED_OUT = 4401
PIECE = 256 * 1024
WRITTEN = account.FILES[0]


@pytest.fixture(autouse=True)
def _begin_again(stage: Staged, played: Page) -> None:
    attached: dict[str, FileView] = {}

    def attach(name: str, size: int, content_type: str | None, as_is: bool) -> FileView:
        cleaned = content_type == "image/jpeg" and not as_is
        view = replace(
            WRITTEN,
            id=f"{len(attached):032x}",
            name=name,
            size=size,
            ours=True,
            preview=content_type == "image/jpeg",
            metadata_removed=("location", "time") if cleaned else (),
            may_hold_metadata=not cleaned,
        )
        attached[view.id] = view
        return replace(view, state=FileState.WRITING)

    stage.calls.clear()
    stage.answers |= {
        "files.attach": attach,
        "files.get": lambda file: attached[file],
        "messages.send": account.conversation_with_marta()[-1],
        "web.send_when_written": account.conversation_with_marta()[-1],
        "web.ticket": {"path": "/download/once"},
    }
    go(played, stage, "chat")


def called(stage: Staged, method: str) -> list[dict[str, Any]]:
    return [params for name, params in stage.calls if name == method]


def asked(page: Page, stage: Staged, method: str, **params: Any) -> None:
    """Wait until the page has made a call, and no other one of that name."""
    until(page, lambda: bool(called(stage, method)))
    assert called(stage, method) == [params]


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait until something is true of what the page asks for."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        page.wait_for_timeout(10)  # which lets what the page asks for come in


def tell(stage: Staged, file: FileView, **progress: Any) -> None:
    """Have the account tell how a transfer is."""
    value = {"type": "file.progress", "file": file.id, "here": 0, "there": 0, "hindered": None, "ways": []}
    stage.tell("events.ephemeral", value | progress)


def changed(stage: Staged, file: FileView) -> None:
    stage.cursor += 1
    stage.tell(
        "events.follow",
        {"type": "file.changed", "cursor": stage.cursor, "at": account.NOW, "file": account.plain(file)},
    )


PASTE = """([names, type, how]) => {
    const data = new DataTransfer();
    for (const name of names) data.items.add(new File([new Uint8Array(1000)], name, { type }));
    const composer = document.getElementById("composer");
    const options = { bubbles: true, cancelable: true };
    if (how === "paste") composer.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, ...options }));
    for (const each of how === "drop" ? ["dragenter", "drop"] : []) {
        composer.dispatchEvent(new DragEvent(each, { dataTransfer: data, ...options }));
    }
}"""


def test_words_that_are_pasted_with_a_picture_of_them_are_words(stage: Staged, played: Page):
    """Office programs lay both into the clipboard."""
    taken = played.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "Two words");
          data.setData("text/html", "<b>Two</b> words");
          data.items.add(new File([new Uint8Array(9)], "image.png", { type: "image/png" }));
          const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
          return !document.getElementById("composer").dispatchEvent(paste);
        }"""
    )
    assert not taken, "the field itself takes the words"
    expect(played.get_by_role("region", name="Files to send")).to_be_hidden()
    assert called(stage, "files.attach") == []


@pytest.mark.parametrize("how", ["paste", "drop", "choose"])
def test_files_are_staged_before_they_go(stage: Staged, played: Page, how: str):
    """Behaviours 9 and 17: name, size, what is removed; nothing is sent by putting it there."""
    if how == "choose":
        picture = {"name": "ridge.jpg", "mimeType": "image/jpeg", "buffer": bytes(1000)}
        played.locator("main input[type=file]").set_input_files([picture])
    else:
        played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", how])
    staged = played.get_by_role("region", name="Files to send")
    expect(staged).to_contain_text("ridge.jpg")
    expect(staged).to_contain_text("1 kB")
    expect(staged).to_contain_text("removed: where it was taken, when it was taken")
    assert called(stage, "messages.send") == []
    played.get_by_role("button", name="Send", exact=True).click()
    expect(staged).to_be_hidden()
    [sent] = called(stage, "messages.send")
    assert sent["files"] == ["0" * 32]


def test_a_picture_is_sent_as_it_is_only_where_the_person_says_so(stage: Staged, played: Page):
    """Behaviour 17."""
    played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    staged = played.get_by_role("region", name="Files to send")
    staged.get_by_label("Send as it is").click()
    expect(staged).to_contain_text("may say where and when it was made")
    assert [each["as_is"] for each in called(stage, "files.attach")] == [False, True]
    assert called(stage, "files.remove") == [{"file": "0" * 32}]
    staged.get_by_role("button", name="Do not send ridge.jpg").click()
    expect(staged).to_be_hidden()


def test_nothing_goes_without_what_could_not_be_attached(stage: Staged, played: Page):
    stage.answers["files.attach"] = Refusal("no-room", name="ridge.jpg", needed=1000, free=10)
    played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    staged = played.get_by_role("region", name="Files to send")
    expect(staged).to_contain_text("not enough room on the disk for ridge.jpg: it needs 1 kB, and only 10 B")
    played.get_by_label("Message to Marta Quintana").fill("Here it is")
    played.get_by_role("button", name="Send", exact=True).click()
    expect(staged.get_by_role("button", name="Try again")).to_be_visible()
    expect(played.get_by_label("Message to Marta Quintana")).to_have_value("Here it is")
    assert called(stage, "messages.send") == []
    staged.get_by_role("button", name="Do not send").click()
    played.get_by_label("Message to Marta Quintana").fill("")


def test_a_file_that_cannot_be_brought_since_the_server_is_gone_says_so(stage: Staged, played: Page):
    played.route("**/files/*", lambda route: route.abort())
    played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    staged = played.get_by_role("region", name="Files to send")
    expect(staged).to_contain_text("connection")
    played.unroute("**/files/*")
    staged.get_by_role("button", name="Do not send").click()


def test_what_could_not_be_sent_keeps_its_files(stage: Staged, played: Page):
    stage.answers["messages.send"] = Refusal("contact-blocked", name="Marta")
    played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    staged = played.get_by_role("region", name="Files to send")
    field = played.get_by_label("Message to Marta Quintana")
    field.fill("Here it is")
    field.press("Enter")
    expect(played.get_by_role("alert")).to_contain_text("The message was not sent.")
    expect(staged).to_contain_text("ridge.jpg")
    stage.answers["messages.send"] = account.conversation_with_marta()[-1]
    field.press("Enter")
    expect(staged).to_be_hidden()
    expect(field).to_have_value("")
    assert [each["files"] for each in called(stage, "messages.send")] == [["0" * 32], ["0" * 32]]


def test_what_waits_for_its_files_is_sent_though_another_conversation_is_open(stage: Staged, played: Page):
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    played.route("**/files/*", hold)
    played.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    field = played.get_by_label("Message to Marta Quintana")
    field.fill("Here it is")
    field.press("Enter")
    go(played, stage, "chat-failed")
    other = played.get_by_label("Message to Jonas Weber")
    other.fill("Only for Jonas")
    played.unroute("**/files/*")
    with played.expect_response("**/files/*"):
        held[0].fallback()
    go(played, stage, "chat")
    expect(played.get_by_role("region", name="Files to send")).to_be_hidden()
    expect(field).to_have_value("")
    [sent] = called(stage, "web.send_when_written")
    assert sent["conversation"] == account.MARTA.conversation
    assert (sent["text"], sent["files"]) == ("Here it is", ["0" * 32])
    go(played, stage, "chat-failed")
    expect(other).to_have_value("Only for Jonas")
    other.fill("")


def test_what_was_sent_is_written_to_its_end_though_the_screen_locks(stage: Staged, played: Page):
    """Behaviour 22. The server sends it then; what was only staged is not written any more."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    played.route("**/files/*offset=0", hold)
    big = {"name": "big.bin", "mimeType": "application/octet-stream", "buffer": bytes(2 * PIECE + 5)}
    played.locator("main input[type=file]").set_input_files([big])
    field = played.get_by_label("Message to Marta Quintana")
    field.fill("The plan")
    field.press("Enter")
    expect(field).to_have_value("")
    played.locator("main input[type=file]").set_input_files([big | {"name": "other.bin"}])
    until(played, lambda: len(held) == 2)
    go(played, stage, "locked")
    with played.expect_response(f"**/files/*offset={2 * PIECE}"):
        held[0].fallback()
    assert {path.split("/")[2] for path, _ in stage.calls if path.startswith("/files/")} == {
        f"{'0' * 32}?offset={at}" for at in (0, PIECE, 2 * PIECE)
    }
    played.unroute("**/files/*offset=0")
    played.reload()
    go(played, stage, "chat")


def test_whoever_is_signed_out_while_a_message_waits_for_its_files_is_told(stage: Staged, played: Page):
    """The server that would have sent it is another one, which knows nothing of it."""
    page = stage.open(played.context)
    go(page, stage, "chat")
    stage.answers["web.send_when_written"] = NO_ANSWER
    page.route("**/files/*", lambda _: None)
    page.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    field = page.get_by_label("Message to Marta Quintana")
    field.fill("Here it is")
    field.press("Enter")
    expect(page.get_by_text("Sent as soon as the files are ready.")).to_be_visible()
    until(page, lambda: bool(called(stage, "web.send_when_written")))
    # The account has the text until it has the message, so it is not lost with the server.
    marta = account.MARTA.conversation
    assert called(stage, "conversations.draft")[-1] == {"conversation": marta, "text": "Here it is"}
    stage.close(SIGNED_OUT)
    expect(page.get_by_role("main")).to_contain_text("A message was waiting for its files. Look whether it was sent.")
    page.close()
    played.reload()
    go(played, stage, "chat")


def test_a_window_that_is_loaded_again_says_what_became_of_what_waited_for_files(stage: Staged, played: Page):
    page = stage.open(played.context)
    go(page, stage, "chat")
    stage.answers |= {
        "web.send_when_written": NO_ANSWER,
        "files.get": lambda file: replace(WRITTEN, state=FileState.WRITING),
    }
    page.route("**/files/*", lambda _: None)
    page.evaluate(PASTE, [["ridge.jpg"], "image/jpeg", "paste"])
    page.get_by_label("Message to Marta Quintana").fill("Here it is")
    page.get_by_label("Message to Marta Quintana").press("Enter")
    until(page, lambda: bool(called(stage, "web.send_when_written")))
    before, marta = stage.conversations, account.MARTA.conversation
    stage.conversations = [replace(each, draft="Here it is") if each.id == marta else each for each in before]
    page.reload()
    go(page, stage, "chat")
    expect(page.get_by_role("alert")).to_contain_text("was not sent. The page was loaded again before its files")
    expect(page.get_by_label("Message to Marta Quintana")).to_have_value("Here it is")
    assert called(stage, "files.remove") == [{"file": "0" * 32}], "nobody has the rest of it"
    page.close()
    stage.conversations = before
    played.reload()
    go(played, stage, "chat")


def test_a_file_is_brought_in_pieces(stage: Staged, played: Page):
    octets = {"name": "big.bin", "mimeType": "application/octet-stream", "buffer": bytes(2 * PIECE + 5)}
    played.locator("main input[type=file]").set_input_files([octets])
    staged = played.get_by_role("region", name="Files to send")
    expect(staged).to_contain_text("may say where")
    pieces = [path for path, _ in stage.calls if path.startswith("/files/")]
    assert pieces == [f"/files/{'0' * 32}?offset={at}" for at in (0, PIECE, 2 * PIECE)]
    staged.get_by_role("button", name="Do not send").click()


def test_a_picture_is_seen_small_first_and_whole_on_a_click(stage: Staged, played: Page):
    """Behaviour 16."""
    stage.calls.clear()
    picture = played.get_by_role("button", name="Open the picture ridge-at-seven.jpg")
    expect(picture.locator("img")).to_be_visible()
    assert not any("2048" in path for path, _ in stage.calls)
    picture.click()
    expect(played.get_by_role("img", name="Picture: ridge-at-seven.jpg")).to_be_visible()
    assert f"/pictures/{account.PHOTO.id}?side=2048" in [path for path, _ in stage.calls]
    played.keyboard.press("Escape")
    expect(picture).to_be_focused()


def test_files_come_by_themselves_up_to_a_size_for_each_conversation(stage: Staged, played: Page):
    """Behaviour 18."""
    go(played, stage, "contact")
    played.get_by_label("Download files automatically").select_option(label="Up to 10 MB")
    expect(played.get_by_label("Download files automatically")).to_be_visible()
    asked(played, stage, "files.set_automatic", conversation=account.MARTA.conversation, up_to=10_000_000)


def test_a_transfer_shows_how_far_it_is_and_what_keeps_it(stage: Staged, played: Page):
    """Behaviour 19: progress, pause, going on, cancelling."""
    card = played.locator(".file-card", has_text="map.pdf")
    tell(stage, account.MAP, here=5_000_000)
    expect(card).to_contain_text("5 MB of 8.9 MB")
    tell(stage, account.MAP, here=5_000_000, hindered="unreachable")
    expect(card).to_contain_text("Its sender is away")
    card.get_by_role("button", name="Pause map.pdf").click()
    changed(stage, replace(account.MAP, state=FileState.PAUSED, here=5_000_000))
    expect(card).to_contain_text("Paused")
    card.get_by_role("button", name="Resume downloading map.pdf").click()
    changed(stage, account.MAP)
    tell(stage, account.MAP, here=6_000_000)
    expect(card).to_contain_text("6 MB of 8.9 MB")
    card.get_by_role("button", name="More about map.pdf").click()
    played.get_by_role("menuitem", name="Cancel the download").click()
    for method in ("files.pause", "files.fetch", "files.remove"):
        asked(played, stage, method, file=account.MAP.id)


def test_a_file_that_comes_or_lies_at_a_relay_says_so(stage: Staged, played: Page):
    card = played.locator(".file-card", has_text="map.pdf")
    tell(stage, account.MAP, here=5_000_000, ways=["relay"])
    expect(card).to_contain_text("5 MB of 8.9 MB · by relay")
    tell(stage, account.MAP, here=6_000_000, ways=["direct", "relay"])
    expect(card).to_contain_text("6 MB of 8.9 MB · by relay and directly")
    tell(stage, account.MAP, here=7_000_000, ways=["direct"])
    expect(card).to_contain_text("7 MB of 8.9 MB")
    expect(card).not_to_contain_text("directly")
    ours = played.locator(".file-card", has_text="timelapse.mp4")
    changed(stage, replace(account.VIDEO, at_relays=9_000_000))
    expect(ours).to_contain_text("9 MB at your relay")
    changed(stage, replace(account.VIDEO, at_relays=9_000_000, received_by=1))
    expect(ours).not_to_contain_text("relay")
    changed(stage, account.VIDEO)
    expect(ours).not_to_contain_text("all of it")


def test_the_other_side_has_a_file_only_when_it_says_so(stage: Staged, played: Page):
    """Behaviour 19: that everything has left is not that it is there."""
    card = played.locator(".file-card", has_text="timelapse.mp4")
    tell(stage, account.VIDEO, here=account.VIDEO.size, there=100_000_000)
    expect(card).to_contain_text("100 MB of 188.7 MB")
    expect(card.get_by_role("progressbar")).to_have_attribute("value", "100000000")
    assert "all of it" not in (card.text_content() or "")
    changed(stage, replace(account.VIDEO, received_by=1))
    expect(card).to_contain_text("they have all of it")
    expect(card.get_by_role("progressbar")).to_have_count(0)


def test_what_was_sent_can_still_be_opened(stage: Staged, played: Page):
    """Behaviour 20."""
    card = played.locator(".file-card", has_text="timelapse.mp4")
    card.get_by_role("button", name="More about timelapse.mp4").click()
    played.get_by_role("menuitem", name="Save a copy").click()
    asked(played, stage, "web.ticket", file=account.VIDEO.id)


def test_a_pace_is_told_only_once_it_is_known(played: Page):
    """Behaviour 19: speed and time left, over some seconds."""
    paces = played.evaluate("""() => import('/assets/x/files/pace.js').then(({ paceOf }) => [
        paceOf([]), paceOf([{ at: 0, octets: 10 }, { at: 200, octets: 4000 }]),
        paceOf([{ at: 0, octets: 0 }, { at: 4000, octets: 2000 }]),
        paceOf([{ at: 0, octets: 9 }, { at: 4000, octets: 9 }]),
    ])""")
    assert paces == [None, None, 500, None]


def test_a_picture_that_cannot_be_read_is_asked_for_once(stage: Staged, played: Page):
    """Each time costs a process, and what somebody has made for that a minute of it."""
    broken = replace(account.PHOTO, id="b" * 32, name="broken.jpg")
    path = f"/pictures/{broken.id}"
    refusal = Refusal("picture-unreadable", name="broken.jpg", problem="it is broken")
    stage.answers |= {path: refusal, f"/previews/{broken.id}": refusal}
    newest = account.conversation_with_marta()[-1]
    stage.receive(replace(newest, id="b" * 32, files=(broken,), text=None))
    expect(played.get_by_role("button", name="Open the picture broken.jpg")).to_be_visible()
    until(played, lambda: any(each.startswith(path) for each, _ in stage.calls))
    for number in range(3):
        stage.receive(replace(newest, id=f"{number:032x}", text=f"number {number}"))
        expect(played.get_by_role("list", name="Messages")).to_contain_text(f"number {number}")
    assert len([each for each, _ in stage.calls if each.startswith(path)]) == 1
