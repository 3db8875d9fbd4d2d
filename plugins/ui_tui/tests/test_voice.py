"""Voice messages: recorded, listened to, sent, and played. The devices are stand-ins; the sound is not."""

from __future__ import annotations

import math
import os
from array import array
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel
import pytest
from balchat_ui_tui.effects import Call, CloseScreen, OpenScreen
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.voice import player, recorder
from balchat_ui_tui.voice.jobs import AttachRecording, ForgetSound, Play, Record, StopSound
from balchat_ui_tui.voice.levels import bars

from balchat_host.api.errors import ConnectionLost, SoundFailed, StorageFull
from balchat_host.api.views import FileState, FileView, VoiceView
from tests.support.sound_devices import SoundDevices
from tests.support.tui_terminal import ENGLISH, shown

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_ui_tui.actions import Action

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfiles

T = ENGLISH
RATE: Final = 48_000


def tone(seconds: float) -> bytes:
    samples = (int(20_000 * math.sin(each / 10)) for each in range(int(seconds * RATE)))
    return array("h", samples).tobytes()


@pytest.fixture
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoundDevices:
    for library in ("numpy", "soundfile"):
        pytest.importorskip(library, reason="voice messages are an extra")
    return SoundDevices(tmp_path / "devices", monkeypatch)


# -- what a person sees and does


@pytest.mark.anyio
async def test_one_records_a_voice_message_hears_it_and_sends_it(
    profiles: MemoryProfiles, alice: MemoryAccount, devices: SoundDevices
) -> None:
    bob = alice.befriend("Bob")
    devices.hears(tone(2))  # and then the microphone is gone
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("ctrl+r")
        await screen.shows(T("voice.record"), T("tui.voice-recorded"), "0:02", "▅▅", "microphone is gone")
        await screen.press("space")
        await screen.until(lambda: devices.played == tone(2))
        await screen.press("enter")
        await screen.until(lambda: bob.conversation)
        [file] = bob.conversation[0].files
        assert file.voice is not None
        assert file.voice.duration == 2000
        await screen.shows("♪ Voice note, 0:02")


@pytest.mark.anyio
async def test_a_voice_message_is_played_from_its_message_on_twice_as_fast_where_one_wants(
    profiles: MemoryProfiles, alice: MemoryAccount, devices: SoundDevices
) -> None:
    alice.befriend("Bob")
    file = await alice.app.files.attach_voice(len(tone(2)), RATE)
    await alice.app.files.write(file.id, 0, tone(2))
    await alice.app.messages.send("Bob", "", files=[file.id])
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.shows("♪ Voice note, 0:02")
        await screen.press("tab", "up", "f")
        await screen.shows("‖ 0:00 / 0:02")
        once = len(devices.played)
        assert once == pytest.approx(len(tone(2)) * devices.rate / RATE, rel=0.05)
        await screen.press("s", "s", "space")
        await screen.shows("2×")
        await screen.until(lambda: len(devices.played) >= once * 1.4)
        await screen.press("escape")
        await screen.shows("Message to Bob")


@pytest.mark.anyio
@pytest.mark.parametrize("missing", [True, False], ids=["no libraries", "no device"])
async def test_it_says_what_is_missing_and_goes_back(
    profiles: MemoryProfiles, alice: MemoryAccount, devices: SoundDevices, missing: bool
) -> None:
    alice.befriend("Bob")
    devices.is_missing() if missing else devices.breaks()
    async with shown(profiles) as screen:
        await screen.open("Bob")
        await screen.press("ctrl+r")
        await screen.shows("balchat-host[voice]" if missing else "there is no device for it")
        await screen.press("escape")
        await screen.shows("Message to Bob")


@pytest.mark.anyio
async def test_a_microphone_that_opens_while_one_leaves_is_closed(
    profiles: MemoryProfiles, alice: MemoryAccount, devices: SoundDevices
) -> None:
    alice.befriend("Bob")
    devices.hears(tone(2))  # more than a pipe takes: its process stays until somebody closes it
    with devices.opening_slowly():
        async with shown(profiles) as screen:
            await screen.open("Bob")
            await screen.press("ctrl+r")
            await screen.until(lambda: devices.process)
    process = devices.process
    assert process is not None
    with anyio.fail_after(20):
        while runs(process):
            await anyio.lowlevel.checkpoint()


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


# -- recording, without a terminal


def record(*actions: Action) -> tuple[recorder.RecorderState, tuple[object, ...]]:
    state, effects = recorder.RecorderState(conversation="bob"), ()
    for action in actions:
        state, effects = recorder.update(state, action, T)
    return state, effects


SPOKEN = (Opened(), recorder.SoFar(12.0, 200), recorder.RecordingEnded())


def test_it_records_at_once_until_enter() -> None:
    assert isinstance(record(Opened())[1][0], Record)
    assert record(Opened(), Pressed("go-on"))[1] == (StopSound(),)


def test_one_is_warned_before_the_limit_and_all_of_it_is_kept_at_it() -> None:
    assert recorder.said(record(recorder.SoFar(269.0, 9))[0], T) == T("voice.recording")
    assert "within 0:30" in recorder.said(record(recorder.SoFar(270.0, 9))[0], T)
    state, effects = record(recorder.SoFar(300.0, 9), recorder.RecordingEnded())
    assert recorder.said(state, T) == "Five minutes are the limit. All of it is kept."
    assert effects == (), "nothing is sent that nobody wants sent"


def test_what_was_said_stays_where_the_microphone_goes_away_or_it_cannot_be_sent() -> None:
    state, _ = record(recorder.SoFar(12.0, 9), recorder.RecordingFailed(SoundFailed(problem="gone")))
    assert state.stage is recorder.Stage.RECORDED
    assert "gone" in (state.problem or "")
    state, [_, attach] = record(*SPOKEN, Pressed("go-on"))
    assert isinstance(attach, AttachRecording)
    state, _ = recorder.update(state, recorder.NotDone(StorageFull()), T)
    assert state.stage is recorder.Stage.RECORDED
    _, [_, again] = recorder.update(state, Pressed("go-on"), T)
    assert isinstance(again, AttachRecording)


def test_a_message_that_could_not_be_sent_is_sent_again_with_the_file_that_the_account_has() -> None:
    file = voice_file()
    state, [send] = record(*SPOKEN, Pressed("go-on"), recorder.Attached(file))
    assert isinstance(send, Call)
    state, _ = recorder.update(state, recorder.NotDone(ConnectionLost()), T)
    _, [_, again] = recorder.update(state, Pressed("go-on"), T)
    assert again == send
    _, effects = recorder.update(state, recorder.DiscardAgreed(), T)
    assert effects == (Call("files.remove", {"file": file.id}), ForgetSound(), CloseScreen())


def test_leaving_asks_before_it_throws_anything_away() -> None:
    _, [ask] = record(*SPOKEN, Pressed("leave"))
    assert isinstance(ask, OpenScreen)
    state, [stop] = record(recorder.SoFar(12.0, 9), Pressed("leave"))
    assert stop == StopSound()
    _, [ask] = recorder.update(state, recorder.RecordingEnded(), T)
    assert isinstance(ask, OpenScreen)
    failed = recorder.RecordingFailed(SoundFailed(problem="none"))
    assert record(failed, Pressed("leave"))[1] == (ForgetSound(), CloseScreen())


# -- playing, without a terminal


def voice_file() -> FileView:
    return FileView(
        id="0" * 32,
        message="m",
        conversation="bob",
        author="Bob",
        ours=False,
        name="voice.ogg",
        content_type="audio/ogg",
        size=10,
        state=FileState.COMPLETE,
        here=10,
        voice=VoiceView(duration=60_000, levels=(0, 255)),
    )


def play(*actions: Action) -> tuple[player.PlayerState, tuple[object, ...]]:
    state, effects = player.PlayerState(file=voice_file()), ()
    for action in actions:
        state, effects = player.update(state, action, T)
    return state, effects


def test_a_pause_goes_on_where_it_was_and_the_end_begins_again() -> None:
    state, effects = play(Opened(), player.Played(1, 20.0), Pressed("play"))
    assert (effects, state.playing) == ((StopSound(),), False)
    state, [again] = player.update(state, Pressed("play"), T)
    assert isinstance(again, Play)
    assert again.begin == 20
    state, _ = player.update(state, player.Ended(1, whole=False), T)
    assert state.playing, "what ended is what was paused"
    state, _ = player.update(state, player.Ended(2, whole=True), T)
    assert (state.at, state.playing) == (0, False)


def test_arrows_go_back_and_on_and_stay_within_it() -> None:
    begun = (Opened(), player.Played(1, 58.0))
    assert play(*begun, Pressed("on"))[0].at == 60
    assert play(*begun, Pressed("back"))[0].at == 53
    assert play(Opened(), Pressed("back"))[0].at == 0


def test_there_are_three_speeds_in_turn() -> None:
    speeds = []
    state, _ = play()
    for _ in range(3):
        state, _ = player.update(state, Pressed("faster"), T)
        speeds.append(state.speed)
    assert speeds == [1.5, 2.0, 1.0]


def test_levels_of_a_stranger_are_drawn_whatever_they_say() -> None:
    assert bars((0, 128, 255), 3) == "▁▅█"
    assert bars((-5, 999), 2) == "▁█"
    assert bars((), 4) == ""
    assert len(bars(tuple(range(256)), 24)) == 24
