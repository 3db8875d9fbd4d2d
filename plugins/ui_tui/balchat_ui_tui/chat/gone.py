"""Which message is gone: others deleted it, or it has expired."""

from balchat_host.api.events import Event, MessageChanged, MessageRemoved


def gone_message(event: Event) -> str | None:
    """Return the message that nobody is to see any more, None where an event is about something else."""
    match event:
        case MessageRemoved(id=identifier):
            return identifier
        case MessageChanged(message=message) if message.deleted:
            return message.id
        case _:
            return None
