"""What has happened since the last notification, kept small however much it is."""

from dataclasses import dataclass, field

from balchat_host.api.events import ContactAlarm, Event, MessageAdded, RequestReceived
from balchat_host.api.views import MessageState, MessageView


@dataclass(slots=True)
class Arrived:
    """What came into one conversation: how many messages and which was the last, all and those that mention us."""

    count: int = 0
    last: MessageView | None = None
    mentions: int = 0
    last_mention: MessageView | None = None

    def add(self, message: MessageView) -> None:
        """Take a message in."""
        self.count, self.last = self.count + 1, message
        if message.mentions_us:
            self.mentions, self.last_mention = self.mentions + 1, message


@dataclass(slots=True)
class Gathered:
    """What came into which conversation, how many contact requests, and with whom our keys may be somebody else's too.

    `cursor` is that of the last event, of whatever kind it was.
    """

    cursor: int = 0
    messages: dict[str, Arrived] = field(default_factory=dict[str, Arrived])
    requests: int = 0
    alarms: dict[str, None] = field(default_factory=dict[str, None])

    def add(self, event: Event, *, fresh: bool) -> None:
        """Take an event in. One that is not `fresh` is past."""
        self.cursor = event.cursor
        if not fresh:
            return
        match event:
            case MessageAdded(message=message) if message.state is MessageState.RECEIVED and not message.timer:
                # The one that was written to last stands last.
                arrived = self.messages.pop(message.conversation, Arrived())
                arrived.add(message)
                self.messages[message.conversation] = arrived
            case RequestReceived():
                self.requests += 1
            case ContactAlarm(kind=kind, name=name) if kind.is_serious:
                self.alarms[name] = None
            case _:
                pass
