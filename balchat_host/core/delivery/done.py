"""Deletes deliveries that nobody needs any more, and with its last delivery a payload."""

from dataclasses import dataclass
from typing import Final, cast

from balchat_host.core.delivery.progress import Step
from balchat_host.core.rows import ContactRow
from balchat_host.core.unit_of_work import ANNOUNCE, UnitOfWork

_CONTROL: Final = "message_id = ? AND conversation = ?"


@dataclass(frozen=True, slots=True)
class Way:
    """By which way something went: the number of the way, and the ticket while the transport may still say another."""

    number: int | None = None
    ticket: int | None = None


def finish(unit: UnitOfWork, ticket: int) -> None:
    """Delete one delivery."""
    for (payload,) in unit.tx.query("DELETE FROM delivery WHERE ticket = ? RETURNING payload", (ticket,)):
        _delete_if_done(unit, cast("int", payload))


def withdraw(unit: UnitOfWork, contact: ContactRow, message_id: bytes, *, device: int | None = None) -> Way:
    """Delete what waits for a contact's balchat, or for one of their devices, of a control message of ours.

    Return what `forget` does.
    """
    return forget(unit, contact, _CONTROL, message_id, contact.conversation.id, device=device)


def forget(
    unit: UnitOfWork, contact: ContactRow, condition: str, *parameters: bytes | int, device: int | None = None
) -> Way:
    """Delete the deliveries to a contact, or to one of their devices, of the payloads that meet a condition of ours.

    Return the way of the one that was furthest.
    """
    furthest: tuple[int, Way] = -1, Way()
    for (payload,) in unit.tx.query(f"SELECT id FROM payload WHERE {condition}", parameters):  # noqa: S608  # our own text
        deleted = unit.tx.query(
            "DELETE FROM delivery WHERE payload = ?1 AND peer = ?2 AND device IS coalesce(?3, device)"
            " RETURNING state, way, ticket",
            (payload, contact.id, device),
        )
        for state, way, ticket in cast("list[tuple[int, int | None, int]]", deleted):
            if state > furthest[0]:
                furthest = state, Way(way, ticket if state < Step.RELAYED else None)
        _delete_if_done(unit, cast("int", payload))
        unit.effect(ANNOUNCE)
    return furthest[1]


def _delete_if_done(unit: UnitOfWork, payload: int) -> None:
    unit.tx.execute(
        "DELETE FROM payload WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE payload = ?1)", (payload,)
    )
