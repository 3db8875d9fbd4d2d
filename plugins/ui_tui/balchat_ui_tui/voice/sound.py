"""What records or plays now: one thing at a time for the whole program. Sound is here, and never in a state."""

from dataclasses import dataclass, field

from balchat_host.api.sound import Recording


@dataclass(slots=True, kw_only=True)
class Sound:
    """Whose turn it is, what was recorded, and what is played. Whoever sees that it is not its turn any more ends."""

    turn: int = 0
    recording: Recording = field(default_factory=Recording, repr=False)
    file: str | None = None
    """Whose sound is held, so that a pause need not have it decoded again."""
    held: tuple[bytes, int] | None = field(default=None, repr=False)

    def begin(self) -> int:
        """Take the turn from whatever records or plays; return its number."""
        self.turn += 1
        return self.turn

    def stop(self) -> None:
        """End what records or plays."""
        self.begin()

    def forget(self) -> None:
        """End it, and keep no sound."""
        self.stop()
        self.recording, self.file, self.held = Recording(), None, None
