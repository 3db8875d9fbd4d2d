"""What is said of files: how far one is, and why not further."""

from collections.abc import Sequence

from balchat_host.api.text import visible
from balchat_host.api.views import FileState, FileView, MessageView
from balchat_ui_cli.sizes import size_words

_STATES = {
    FileState.WRITING: "being written",
    FileState.OFFERED: "offered",
    FileState.FETCHING: "comes",
    FileState.PAUSED: "paused",
    FileState.COMPLETE: "here",
    FileState.GONE: "gone",
}
_METADATA = {
    "location": "where it was taken",
    "device": "with what",
    "time": "when",
    "text": "names and texts",
    "thumbnail": "a small picture inside",
    "color-profile": "the colour profile",
    "other": "other metadata",
}
REASONS = {
    "no-room": "the disk has no room for it",
    "lost": "what was here is gone from the disk",
    "not-offered": "its sender does not have it any more",
    "unreachable": "its sender is not there; it comes when they are",
    "their-relay-unreachable": "the relay where it lies cannot be reached; it is tried again",
    "own-relay-unreachable": "your relay cannot be reached; it is tried again",
    "own-relay-full": "your relay takes no more now; it goes on when there is room",
    "no-network": "there is no network",
    "busy": "its sender is busy; it is tried again",
    "stalled": "its sender says nothing more; it is tried again",
    "wrong-octets": "what came is not the file; it is tried again",
    "protocol-violation": "its sender's balchat does not do what it should",
    "storage-full": "the disk is full",
    "storage-failed": "the disk failed",
    "failed": "balchat itself failed; it is tried again, and please report it",
}


def file_reason_words(reason: str) -> str:
    """Say in words why a file does not come."""
    return REASONS.get(reason, visible(reason))


def metadata_words(file: FileView) -> str | None:
    """Say what was taken out of a file of ours, or that nothing was; None where there is nothing to say."""
    if file.metadata_removed:
        removed = ", ".join(_METADATA.get(kind, visible(kind)) for kind in file.metadata_removed)
        return f"{visible(file.name)}: removed before it is sent: {removed}."
    if file.may_hold_metadata:
        return f"{visible(file.name)}: sent as it is; it may say more than it shows, as who made it, where and when."
    return None


def ways_words(ways: Sequence[str]) -> str:
    """Say by which ways a file comes; nothing where it comes directly alone."""
    if "relay" not in ways:
        return ""
    return " by relay and directly" if "direct" in ways else " by relay"


def file_state_words(file: FileView) -> str:
    """Say how far a file is."""
    if file.ours:
        words = "being written" if file.state is FileState.WRITING else "removed"
        if file.state is FileState.COMPLETE:
            received = f"{file.received_by} of {file.recipients} have it" if file.recipients > 1 else "received"
            words = received if file.received_by else "offered" if file.recipients else "here"
            if file.at_relays and file.received_by < file.recipients:
                words = f"{words}, {size_words(file.at_relays)} at your relay"
            if 0 < file.there < file.size:
                words = f"{words}, {file.there * 100 // file.size} % there"
    else:
        words = _STATES[file.state]
        if file.state in (FileState.FETCHING, FileState.PAUSED) and file.size:
            words = f"{words}, {file.here * 100 // file.size} %{ways_words(file.ways)}"
    return f"{words}: {file_reason_words(file.reason)}" if file.reason else words


def file_words(file: FileView) -> str:
    """Say in a line what a file is, and how far: for below the message that has it."""
    voice = "" if file.voice is None else f"voice message, {duration_words(file.voice.duration)}  "
    return f"{file.id[:8]}  {voice}{visible(file.name)}  {size_words(file.size)}, {file_state_words(file)}"


def duration_words(milliseconds: int) -> str:
    """Say how long a voice message is."""
    return f"{milliseconds // 60_000}:{milliseconds // 1000 % 60:02}"


def files_lines(message: MessageView) -> list[str]:
    """Return a line for each file of a message."""
    return [f"[file] {file_words(file)}" for file in message.files]
