"""Token buckets in the vault: what others may do, or have us do, in an hour, also across restarts."""

from enum import StrEnum
from typing import Final, cast

from balchat_host.api.errors import RequestsFull
from balchat_host.api.types import PeerId
from balchat_host.core.unit_of_work import UnitOfWork

_HOUR: Final = 3600 * 1000


class Counted(StrEnum):
    """What is counted for each contact."""

    REPEATED_RECEIPTS = "repeated-receipts"
    """Receipts that are repeated to them."""
    ROUTES_REPEATED = "routes-repeated"
    """That they are told of our routes again, although they were told before."""
    REQUEUED_FOR_ROUTES = "requeued-for-routes"
    REQUEUED_FOR_ERA = "requeued-for-era"
    """That all that waits for them is queued again."""
    KEY_PACKAGE_REQUESTS = "key-package-requests"
    KEY_PACKAGES = "key-packages"
    CONTACT_REQUESTS = "contact-requests"
    ERAS = "eras"
    """Welcomes to eras that they have founded."""
    ERAS_FOUNDED = "eras-founded"
    KEY_PACKAGES_GIVEN = "key-packages-given"
    """That they are given KeyPackages because they ask."""
    PICTURES_FETCHED = "pictures-fetched"
    PICTURES_OF_A_DAY = "pictures-of-a-day"
    """Pictures of theirs that are fetched although nobody asked for them, in an hour and in a day."""
    ASKED_BACK = "asked-back"
    """That we ask them because they speak in a group that is not here."""


def take_from(unit: UnitOfWork, peer: PeerId, counted: Counted, *, per_hour: int | None) -> None:
    """Use one of the tokens that a contact has for something; None is no limit. Raise RequestsFull, as `take` does."""
    if per_hour is not None:
        take(unit, _bucket(peer, counted), per_hour=per_hour)


def may(
    unit: UnitOfWork, peer: PeerId, counted: Counted, *, per_hour: int | None = None, per_day: int | None = None
) -> bool:
    """Use one of the tokens that we have for something that we do because of a contact; return whether there was one.

    It is our own pace, in an hour or in a day: nobody did anything wrong where there is none.
    """
    if per_day is not None:
        return _use(unit, _bucket(peer, counted), tokens_in=per_day, period=24 * _HOUR) is None
    assert per_hour is not None, "there is a pace"
    return _use(unit, _bucket(peer, counted), tokens_in=per_hour) is None


def forget(unit: UnitOfWork, peer: PeerId) -> None:
    """Delete what is counted for a contact."""
    for counted in Counted:
        unit.tx.execute("DELETE FROM bucket WHERE name = ?", (_bucket(peer, counted),))


def _bucket(peer: PeerId, counted: Counted) -> str:
    return f"{counted}/{peer.octets.hex()}"


def take(unit: UnitOfWork, bucket: str, *, per_hour: int) -> None:
    """Use one of a bucket's tokens; it holds an hour's worth and fills evenly.

    Raise RequestsFull, whose `retry_after` says in how many seconds there is one again (an hour, if there never is).
    """
    retry_after = _use(unit, bucket, tokens_in=per_hour)
    if retry_after is not None:
        raise RequestsFull(retry_after=retry_after)


def _use(unit: UnitOfWork, bucket: str, *, tokens_in: int, period: int = _HOUR) -> int | None:
    """Use one of the tokens that there are in a period of milliseconds.

    Return None, or in how many seconds there is one again.
    """
    if tokens_in == 0:
        return period // 1000
    rows = unit.tx.query("SELECT tokens, at FROM bucket WHERE name = ?", (bucket,))
    tokens, at = (cast("float", rows[0][0]), cast("int", rows[0][1])) if rows else (float(tokens_in), unit.now)
    passed = unit.now - at
    # A clock that was set back must neither fill nor drain the bucket. One that was far ahead must not close it for as
    # long: by then nobody knows how much time has passed.
    passed = period if passed < -period else max(0, passed)
    tokens = min(float(tokens_in), tokens + passed * tokens_in / period)
    if tokens < 1:
        return int((1 - tokens) * period / tokens_in / 1000) + 1
    unit.tx.execute(
        "INSERT INTO bucket (name, tokens, at) VALUES (?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET tokens = excluded.tokens, at = excluded.at",
        (bucket, tokens - 1, unit.now),
    )
    return None
