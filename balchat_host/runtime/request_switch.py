"""Whether strangers may ask for contact now, as transports follow it."""

from balchat_host.api.bell import Bell


class RequestSwitch:
    """Holds `requests.accept` as it is now; rings `changed` when it changes."""

    def __init__(self, *, accepted: bool) -> None:
        self.accepted = accepted
        self.changed = Bell()

    def set(self, *, accepted: bool) -> None:
        """Accept requests of strangers from now on, or do not."""
        if accepted != self.accepted:
            self.accepted = accepted
            self.changed.ring()
