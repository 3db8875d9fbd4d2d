"""What has happened since the last notification, kept small however much it is."""

from dataclasses import dataclass, field

from balchat_host.api.events import Event, MessageAdded, RequestReceived
from balchat_host.api.views import MessageState, MessageView


@dataclass(slots=True)
class Gathered:
    """How many messages came into which conversation, with the last of each, and how many contact requests.

    `cursor` is that of the last event, of whatever kind it was.
    """

    cursor: int = 0
    messages: dict[str, tuple[int, MessageView]] = field(default_factory=dict[str, tuple[int, MessageView]])
    requests: int = 0

    def add(self, event: Event, *, fresh: bool) -> None:
        """Take an event in. One that is not `fresh` is past."""
        self.cursor = event.cursor
        if not fresh:
            return
        match event:
            case MessageAdded(message=message) if message.state is MessageState.RECEIVED:
                # The one that was written to last stands last.
                count, _ = self.messages.pop(message.conversation, (0, message))
                self.messages[message.conversation] = count + 1, message
            case RequestReceived():
                self.requests += 1
            case _:
                pass
