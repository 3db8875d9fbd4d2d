"""Work with sound: record, play, stop, and hand a recording to the account."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from anyio import to_thread

from balchat_host.api.following import following
from balchat_host.api.sound import PER_SECOND, RATE, Loudspeaker, Microphone, Recording, attach, pieces, wav_sound
from balchat_host.api.views import FileView
from balchat_ui_tui.actions import Action
from balchat_ui_tui.jobs import Job, Tell
from balchat_ui_tui.voice.sound import Sound

if TYPE_CHECKING:
    from balchat_ui_tui.app import BalchatTui

R = TypeVar("R")


class Record(Job, frozen=True, kw_only=True):
    """Record until it is stopped, or the longest there is. `progress` makes an action of seconds and a level."""

    progress: Callable[[float, int], Action]

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Record. Raise VoiceMissing, SoundFailed; what came until then is kept."""
        sound = tui.session.sound
        turn, recording = sound.begin(), Recording()
        sound.recording = recording
        soon = partial(asyncio.get_running_loop().call_soon_threadsafe, tell)

        def record() -> None:
            with Microphone() as microphone:
                while sound.turn == turn and not recording.full:
                    recording.take(microphone.read())
                    soon(self.progress(recording.seconds, recording.level))

        await _in_thread(sound, turn, record)


class StopSound(Job, frozen=True, kw_only=True):
    """End what records or plays."""

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """End it."""
        del tell
        tui.session.sound.stop()


class ForgetSound(Job, frozen=True, kw_only=True):
    """End what records or plays, and keep no sound of it."""

    async def run(self, tui: "BalchatTui", tell: Tell) -> None:
        """Forget it."""
        del tell
        tui.session.sound.forget()


class Play(Job, frozen=True, kw_only=True):
    """Play a voice message, or what was recorded, from a second on. `progress` makes an action of the second it is at.

    The answer is whether it came to its end.
    """

    file: str | None = None
    begin: float = 0
    speed: float = 1.0
    progress: Callable[[float], Action]

    async def run(self, tui: "BalchatTui", tell: Tell) -> bool:
        """Play it. Raise what the account raises, and SoundFailed."""
        sound = tui.session.sound
        turn = sound.begin()
        octets, rate = await self._sound(tui)
        soon = partial(asyncio.get_running_loop().call_soon_threadsafe, tell)

        def play() -> bool:
            with Loudspeaker(rate, self.speed) as loudspeaker:
                for number, piece in enumerate(pieces(octets, rate, self.begin)):
                    if sound.turn != turn:
                        return False
                    loudspeaker.write(piece)
                    soon(self.progress(self.begin + number / PER_SECOND))
                loudspeaker.finish()
            return sound.turn == turn

        return await _in_thread(sound, turn, play)

    async def _sound(self, tui: "BalchatTui") -> tuple[bytes, int]:
        if self.file is None:
            return tui.session.sound.recording.sound, RATE
        if tui.session.sound.file == self.file and tui.session.sound.held is not None:
            return tui.session.sound.held
        async with following(tui.session.performer.app.files.play(self.file)) as wav:
            tui.session.sound.held = wav_sound(b"".join([piece async for piece in wav]))
        tui.session.sound.file = self.file
        return tui.session.sound.held


class AttachRecording(Job, frozen=True, kw_only=True):
    """Hand what was recorded to the account; the answer is its FileView."""

    async def run(self, tui: "BalchatTui", tell: Tell) -> FileView:
        """Hand it over. Raise what the account raises."""
        del tell
        return await attach(tui.session.performer.app, tui.session.sound.recording.sound, RATE)


async def _in_thread(sound: Sound, turn: int, work: Callable[[], R]) -> R:
    """Do in a thread what waits for a device, and close the device there, whatever happens.

    When the program ends, nobody waits for the thread: it sees that it is no longer its turn.
    """
    try:
        return await to_thread.run_sync(work)
    finally:
        if sound.turn == turn:
            sound.stop()
