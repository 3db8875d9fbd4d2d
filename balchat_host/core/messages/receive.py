"""Acting on what others said inside MLS."""

from balchat_host.api.errors import MalformedContent
from balchat_host.api.frontend import MAX_TEXT_SIZE
from balchat_host.core import content, routes
from balchat_host.core.content import MimiContent, shown, timer_body
from balchat_host.core.delivery import reports
from balchat_host.core.eras import opening, renewals
from balchat_host.core.files import told
from balchat_host.core.identifiers import identify
from balchat_host.core.messages import timer
from balchat_host.core.messages.acting import act
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import UnitOfWork


def check(data: bytes) -> None:
    """See that `receive_content` will take this content. Raise MalformedContent."""
    mimi = MimiContent.decode(data)
    match mimi.control_type:
        case content.ACCEPTED:
            pass
        case content.ROUTES:
            routes.decode(mimi.body)
        case content.STATUS:
            content.decode_status(mimi.body)
        case content.TIMER:
            timer_body.decode(mimi.body)
        case content.ERA_OPENED:
            content.Opened.decode(mimi.body)
        case content.KEY_PACKAGES:
            content.decode_key_packages(mimi.body)
        case content.KEY_PACKAGES_WANTED:
            pass
        case content.FILES_RECEIVED | content.FILE_PARTS | content.FILE_PROGRESS as said_of_files:
            told.check(said_of_files, mimi.body)
        case _:
            _check_text(mimi)


def receive_content(
    unit: UnitOfWork, contact: ContactRow, data: bytes, *, device_id: bytes, way: int | None = None
) -> bytes | None:
    """Act on the content of an application message of a contact's; return the id that a receipt for it names, if any.

    `device_id` is which of their devices sent it, `way` the number of the way by which it came. Raise MalformedContent.
    """
    mimi = MimiContent.decode(data)
    identifier = identify(mimi, data, author=contact.peer, conversation_id=contact.conversation.conversation_id)
    said = Said(conversation=contact.conversation, author=contact.id, id=identifier, mimi=mimi, encoded=data, way=way)
    match mimi.control_type:
        case content.ACCEPTED:
            pass  # hearing from them was the point
        case content.ROUTES:
            routes.learn(unit, contact, mimi.body, device_id=device_id, said_at=mimi.sent_at or 0)
        case content.TIMER:
            timer.put(unit, said)
        case content.ERA_OPENED:
            opened = content.Opened.decode(mimi.body)
            opening.on_opened(unit, contact, opened, device_id=device_id, said_at=mimi.sent_at or 0)
        case content.KEY_PACKAGES:
            given = content.decode_key_packages(mimi.body)
            opening.on_key_packages(unit, contact, given, device_id=device_id, said_at=mimi.sent_at or 0)
        case content.KEY_PACKAGES_WANTED:
            renewals.on_wanted(unit, contact)
        case content.FILES_RECEIVED | content.FILE_PARTS | content.FILE_PROGRESS as said_of_files:
            told.act(unit, contact, said_of_files, mimi.body)
        case content.STATUS:
            reports.apply_statuses(unit, contact, content.decode_status(mimi.body), device_id=device_id)
            return None
        case _:
            _check_text(mimi)
            act(unit, said)
    return identifier


def _check_text(mimi: MimiContent) -> None:
    text = shown(mimi.part).text
    if text is not None and len(text.encode()) > MAX_TEXT_SIZE:
        raise MalformedContent(problem=f"its text has more than {MAX_TEXT_SIZE} octets")
