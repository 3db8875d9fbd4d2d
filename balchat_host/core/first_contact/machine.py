"""First contact as a state machine: which phase follows which input, and what is done. Pure data; `asking` drives it.

docs/spec/first-contact.md shows this table, and what phases and inputs mean, drawn by `scripts/drawn_pages.py`. What is
not in the table changes nothing: every input may come late, twice, or after it has become needless.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from balchat_host.api.views import ContactState


class Phase(StrEnum):
    """How far we are with a contact. In those that end in `again` we want another KeyPackage of theirs meanwhile."""

    NEW = "new"
    """Just made; the unit of work that makes it leaves it at once."""
    ADDING = "adding"
    """We want a KeyPackage of theirs, to ask them with."""
    ASKING = "asking"
    """Our contact request is made, and nobody has it yet."""
    ASKING_AGAIN = "asking again"
    """The same, and we want another KeyPackage, to ask once more."""
    REQUESTED = "requested"
    """Our contact request is with them, or with a relay of theirs."""
    REQUESTED_AGAIN = "requested again"
    """The same, and we want another KeyPackage, to ask once more."""
    ACTIVE = "active"
    """Both sides have said yes."""
    ACTIVE_AGAIN = "active again"
    """They speak in a group that is not here, so we ask once more."""


class Input(StrEnum):
    """What happens."""

    ADD = "add"
    """Our owner wants them as a contact."""
    ACCEPT = "accept"
    """Our owner accepts their request."""
    KEY_PACKAGE = "key package"
    """A KeyPackage of theirs was used to make a contact request, whether they sent it or it was claimed at a relay."""
    BAD_KEY_PACKAGE = "bad key package"
    """One of theirs is of no use."""
    NO_KEY_PACKAGE = "no key package"
    """There is none to claim, or no relay to ask."""
    KEY_PACKAGE_REFUSED = "key package refused"
    """They refuse for good to give one."""
    STORED = "stored"
    """A relay of theirs has our contact request."""
    COMMITTED = "committed"
    """Their vault has our contact request."""
    REFUSED = "refused"
    """They refuse our contact request for good."""
    INBOX_GONE = "inbox gone"
    """Where the KeyPackage led to, nothing will ever be taken."""
    STALE = "stale"
    """The KeyPackage that our contact request was made with is out of date."""
    HEARD = "heard"
    """A valid message of theirs came in an era in which we had heard nothing before."""
    ASKED = "asked"
    """They ask us to become a contact."""
    LOST_ERA = "lost era"
    """They speak in a group that is not here."""
    WRITE = "write"
    """Our owner writes to them."""
    RESTORED = "restored"
    """We have gone on from a backup, and ask everybody in turn."""


class Guard(StrEnum):
    """What must hold for a step."""

    IN_TIME = "we have not asked for too long"
    MAY_ASK_BACK = "no contact request of ours waits, and we did not ask lately"
    UNANSWERED_SINCE_RESTORE = "restored, and no KeyPackage of theirs was bad"


class Action(StrEnum):
    """What a step does, in this order, besides what the input itself does."""

    BEGIN = "begin to count"
    OFFER_ROUTES = "offer routes"
    WANT_NOW = "want a KeyPackage now"
    WANT_SOON = "want one in a minute"
    WANT_IN_TURN = "want one when it is their turn"
    WANT_MENDED = "want one in 1 h, 2 h, … 24 h"
    WANT_ELSEWHERE = "want one in 1 h, 2 h, … 7 d"
    HURRY = "want it now"
    STOP_WANTING = "want none"
    EXPLAIN = "show why"
    CLEAR_REASON = "show no reason"


@dataclass(frozen=True, slots=True)
class Step:
    """Where an input leads, and what is done. With a guard that does not hold, the input changes nothing."""

    to: Phase
    actions: tuple[Action, ...] = ()
    when: Guard | None = None


WANTING: Final = frozenset({Phase.ADDING, Phase.ASKING_AGAIN, Phase.REQUESTED_AGAIN, Phase.ACTIVE_AGAIN})
"""The phases in which a KeyPackage of theirs is wanted."""

TALKING: Final = frozenset({Phase.ACTIVE, Phase.ACTIVE_AGAIN})
"""The phases in which both sides have said yes."""

_BEGIN: Final = (Action.BEGIN, Action.OFFER_ROUTES, Action.WANT_NOW)
_BEGIN_TO_TALK: Final = (Action.STOP_WANTING, Action.CLEAR_REASON)
_TELL_AND_WANT: Final = (Action.EXPLAIN, Action.WANT_MENDED)

_ACCEPTED: Final = {
    Input.HEARD: Step(Phase.ACTIVE, _BEGIN_TO_TALK),
    Input.ASKED: Step(Phase.ACTIVE, _BEGIN_TO_TALK),
}
_AT_ANY_TIME: Final = {
    Input.ADD: Step(Phase.ADDING, _BEGIN),
    Input.RESTORED: Step(Phase.ADDING, (Action.BEGIN, Action.WANT_IN_TURN, Action.CLEAR_REASON)),
}

TABLE: Final = MappingProxyType(
    {
        Phase.NEW: {
            Input.ADD: Step(Phase.ADDING, _BEGIN),
            Input.ACCEPT: Step(Phase.ACTIVE, (Action.OFFER_ROUTES,)),
        },
        Phase.ADDING: _AT_ANY_TIME
        | _ACCEPTED
        | {
            Input.KEY_PACKAGE: Step(Phase.ASKING, (Action.STOP_WANTING, Action.CLEAR_REASON)),
            Input.BAD_KEY_PACKAGE: Step(Phase.ADDING, _TELL_AND_WANT),
            Input.NO_KEY_PACKAGE: Step(Phase.ADDING, (Action.EXPLAIN,)),
            Input.KEY_PACKAGE_REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
            Input.STORED: Step(Phase.REQUESTED_AGAIN),
            Input.COMMITTED: Step(Phase.REQUESTED, (Action.STOP_WANTING,)),
            Input.REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
            Input.LOST_ERA: Step(Phase.ADDING, (Action.HURRY,), when=Guard.UNANSWERED_SINCE_RESTORE),
            Input.WRITE: Step(Phase.ADDING, (Action.HURRY,), when=Guard.UNANSWERED_SINCE_RESTORE),
        },
        Phase.ASKING: _AT_ANY_TIME
        | _ACCEPTED
        | {
            Input.STORED: Step(Phase.REQUESTED),
            Input.COMMITTED: Step(Phase.REQUESTED),
            Input.REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
            Input.INBOX_GONE: Step(Phase.ASKING_AGAIN, (Action.WANT_ELSEWHERE,), when=Guard.IN_TIME),
            Input.STALE: Step(Phase.ASKING_AGAIN, (Action.WANT_NOW,), when=Guard.IN_TIME),
        },
        Phase.ASKING_AGAIN: _AT_ANY_TIME
        | _ACCEPTED
        | {
            Input.KEY_PACKAGE: Step(Phase.ASKING, (Action.STOP_WANTING, Action.CLEAR_REASON)),
            Input.BAD_KEY_PACKAGE: Step(Phase.ASKING_AGAIN, _TELL_AND_WANT),
            Input.NO_KEY_PACKAGE: Step(Phase.ASKING_AGAIN, (Action.EXPLAIN,)),
            Input.KEY_PACKAGE_REFUSED: Step(Phase.ASKING_AGAIN, (Action.WANT_SOON,)),
            Input.STORED: Step(Phase.REQUESTED_AGAIN),
            Input.COMMITTED: Step(Phase.REQUESTED, (Action.STOP_WANTING,)),
            Input.REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
        },
        Phase.REQUESTED: _AT_ANY_TIME
        | _ACCEPTED
        | {
            Input.REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
            Input.INBOX_GONE: Step(Phase.REQUESTED_AGAIN, (Action.WANT_ELSEWHERE,), when=Guard.IN_TIME),
            Input.STALE: Step(Phase.REQUESTED_AGAIN, (Action.WANT_NOW,), when=Guard.IN_TIME),
            Input.LOST_ERA: Step(Phase.REQUESTED_AGAIN, (Action.WANT_NOW,), when=Guard.MAY_ASK_BACK),
        },
        Phase.REQUESTED_AGAIN: _AT_ANY_TIME
        | _ACCEPTED
        | {
            Input.KEY_PACKAGE: Step(Phase.REQUESTED, (Action.STOP_WANTING, Action.CLEAR_REASON)),
            Input.BAD_KEY_PACKAGE: Step(Phase.REQUESTED_AGAIN, _TELL_AND_WANT),
            Input.KEY_PACKAGE_REFUSED: Step(Phase.REQUESTED_AGAIN, (Action.WANT_SOON,)),
            Input.COMMITTED: Step(Phase.REQUESTED, (Action.STOP_WANTING,)),
            Input.REFUSED: Step(Phase.ADDING, (Action.WANT_SOON,)),
        },
        Phase.ACTIVE: _AT_ANY_TIME
        | {
            Input.LOST_ERA: Step(Phase.ACTIVE_AGAIN, (Action.WANT_NOW,), when=Guard.MAY_ASK_BACK),
        },
        Phase.ACTIVE_AGAIN: _AT_ANY_TIME
        | {
            Input.KEY_PACKAGE: Step(Phase.ACTIVE, (Action.STOP_WANTING, Action.CLEAR_REASON)),
            Input.BAD_KEY_PACKAGE: Step(Phase.ACTIVE_AGAIN, _TELL_AND_WANT),
            Input.KEY_PACKAGE_REFUSED: Step(Phase.ACTIVE, (Action.STOP_WANTING,)),
            Input.COMMITTED: Step(Phase.ACTIVE, (Action.STOP_WANTING,)),
            Input.ASKED: Step(Phase.ACTIVE, (Action.STOP_WANTING,)),
        },
    }
)

_SHOWN: Final = MappingProxyType(
    {
        Phase.ADDING: ContactState.ADDING,
        Phase.ASKING: ContactState.ADDING,
        Phase.ASKING_AGAIN: ContactState.ADDING,
        Phase.REQUESTED: ContactState.REQUESTED,
        Phase.REQUESTED_AGAIN: ContactState.REQUESTED,
        Phase.ACTIVE: ContactState.ACTIVE,
        Phase.ACTIVE_AGAIN: ContactState.ACTIVE,
    }
)


def shown(phase: Phase) -> ContactState:
    """Return what people see of a phase."""
    return _SHOWN[phase]
