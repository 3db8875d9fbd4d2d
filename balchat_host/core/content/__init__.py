"""What stands inside an MLS application message: draft-ietf-mimi-content-08 and draft-mahy-mimi-message-status-01.

The law, with what we take of the drafts and what we add, is docs/spec/content.md.
"""

from typing import Final

from balchat_host.core.content.eras import Opened, decode_key_packages, encode_key_packages
from balchat_host.core.content.mimi import (
    MAX_DEPTH,
    MAX_ITEMS,
    MESSAGE_ID_SIZE,
    SALT_SIZE,
    Expiration,
    MimiContent,
    Sequence,
    message_id,
)
from balchat_host.core.content.parts import (
    Disposition,
    ExternalPart,
    MultiPart,
    NestedPart,
    NullPart,
    Semantics,
    SinglePart,
)
from balchat_host.core.content.shown import MARKDOWN, TEXT, Shown, is_markdown, is_text, reactions, shown
from balchat_host.core.content.statuses import MAX_STATUSES, MessageStatus, decode_status, encode_status

STATUS: Final = "application/mimi-message-status"
ACCEPTED: Final = "application/vnd.balchat.contact-accepted"
ROUTES: Final = "application/vnd.balchat.routes"
TIMER: Final = "application/vnd.balchat.timer"
ERA_OPENED: Final = "application/vnd.balchat.era-opened"
KEY_PACKAGES: Final = "application/vnd.balchat.key-packages"
KEY_PACKAGES_WANTED: Final = "application/vnd.balchat.key-packages-wanted"
FILES_RECEIVED: Final = "application/vnd.balchat.files-received"
FILE_PARTS: Final = "application/vnd.balchat.file-parts"
FILE_PROGRESS: Final = "application/vnd.balchat.file-progress"

__all__ = [
    "ACCEPTED",
    "ERA_OPENED",
    "FILES_RECEIVED",
    "FILE_PARTS",
    "FILE_PROGRESS",
    "KEY_PACKAGES",
    "KEY_PACKAGES_WANTED",
    "MARKDOWN",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_STATUSES",
    "MESSAGE_ID_SIZE",
    "ROUTES",
    "SALT_SIZE",
    "STATUS",
    "TEXT",
    "TIMER",
    "Disposition",
    "Expiration",
    "ExternalPart",
    "MessageStatus",
    "MimiContent",
    "MultiPart",
    "NestedPart",
    "NullPart",
    "Opened",
    "Semantics",
    "Sequence",
    "Shown",
    "SinglePart",
    "decode_key_packages",
    "decode_status",
    "encode_key_packages",
    "encode_status",
    "is_markdown",
    "is_text",
    "message_id",
    "reactions",
    "shown",
]
