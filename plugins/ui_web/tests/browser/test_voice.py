"""Voice notes: a warning before the limit, nothing lost at it, three speeds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from balchat_host.api.views import FileState
from tests.support.staged_page import Staged, account
from tests.support.staged_page.screens import go

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from plugins.ui_web.tests.browser.conftest import World

RATE = 48_000
LONGEST = 5 * 60 * RATE
MICROPHONE = """() => {
    const tone = new AudioContext().createMediaStreamDestination();
    navigator.mediaDevices.getUserMedia = () => Promise.resolve(tone.stream);
    AudioWorklet.prototype.addModule = () => Promise.resolve();
    AudioContext.prototype.createMediaStreamSource = () => ({ connect: () => {} });
    window.AudioWorkletNode = class { port = {}; constructor() { window.hearing = this.port; } };
}"""
"""A microphone that is silent: the test gives the samples."""

TONE = """() => {
    const context = new AudioContext();
    const [oscillator, sink] = [context.createOscillator(), context.createMediaStreamDestination()];
    oscillator.connect(sink);
    oscillator.start();
    navigator.mediaDevices.getUserMedia = () => Promise.resolve(sink.stream);
}"""
"""A microphone that hears a tone."""

TAKE = "(samples) => window.hearing.onmessage({ data: new Int16Array(samples).fill(9000) })"


@pytest.fixture(autouse=True)
def _begin_again(stage: Staged, played: Page) -> None:
    stage.calls.clear()
    voice = replace(account.OWN_VOICE, received_by=0, recipients=0)
    stage.answers |= {
        "files.attach_voice": replace(voice, state=FileState.WRITING),
        "files.get": voice,
        "messages.send": account.conversation_with_marta()[-1],
    }
    go(played, stage, "chat")
    played.evaluate(MICROPHONE)


def called(stage: Staged, method: str) -> list[dict[str, Any]]:
    return [params for name, params in stage.calls if name == method]


def test_the_end_is_told_before_it_comes_and_nothing_is_lost_at_it(stage: Staged, played: Page):
    """Behaviour 21."""
    played.get_by_role("button", name="Record a voice note").click()
    bar = played.get_by_role("group", name="Recording")
    expect(bar).to_be_visible()
    played.evaluate(TAKE, LONGEST - 31 * RATE)
    expect(bar).to_contain_text("4:2")
    expect(bar).not_to_contain_text("ends by itself")
    played.evaluate(TAKE, 2 * RATE)
    expect(bar).to_contain_text("It ends by itself within")
    played.evaluate(TAKE, 40 * RATE)
    expect(bar).to_contain_text("All of it is kept")
    played.evaluate(TAKE, RATE)
    bar.get_by_role("button", name="Done").click()
    staged = played.get_by_role("region", name="Files to send")
    expect(staged).to_contain_text("Voice note")
    [attached] = called(stage, "files.attach_voice")
    assert attached["rate"] == RATE
    # All that was recorded until it was full, and nothing after it.
    assert 2 * (LONGEST + 11 * RATE) <= attached["size"] < 2 * (LONGEST + 13 * RATE)
    staged.get_by_role("button", name="Do not send").click()


def test_a_recording_is_discarded_only_where_the_person_says_so(stage: Staged, played: Page):
    played.get_by_role("button", name="Record a voice note").click()
    bar = played.get_by_role("group", name="Recording")
    played.evaluate(TAKE, RATE)
    bar.get_by_role("button", name="Discard the recording").click()
    expect(bar).to_be_hidden()
    assert called(stage, "files.attach_voice") == []
    expect(played.get_by_label("Message to Marta Quintana")).to_be_visible()


def test_a_voice_note_is_heard_at_three_speeds(played: Page):
    """Behaviour 21."""
    note = played.get_by_role("group", name="Voice note, 0:23").first
    speed = note.get_by_role("button", name="Speed")
    for expected in ("1.5", "2", "1"):
        speed.click()
        expect(speed).to_contain_text(f"{expected}×")
    expect(note.get_by_role("slider", name="Place in the voice note")).to_have_attribute("aria-valuetext", "0:00")


def test_what_cannot_be_played_is_told(stage: Staged, played: Page):
    stage.answers[f"/voice/{account.VOICE.id}"] = {}
    note = played.get_by_role("group", name="Voice note, 0:23").first
    note.get_by_role("button", name="Play").click()
    expect(played.get_by_text("The browser cannot play this recording.")).to_be_visible()
    expect(note.get_by_role("button", name="Play")).to_be_enabled()


def test_what_the_microphone_hears_is_recorded(page: Page, world: World):
    """With the page's own server and the browser's audio thread."""
    world.befriend("Bob")
    page.get_by_role("button", name="Bob").first.click()
    page.evaluate(TONE)
    page.get_by_role("button", name="Record a voice note").click()
    bar = page.get_by_role("group", name="Recording")
    expect(bar).to_contain_text("0:01")
    bar.get_by_role("button", name="Done").click()
    staged = page.get_by_role("region", name="Files to send")
    expect(staged.get_by_role("group", name="Voice note, 0:01")).to_be_visible()
