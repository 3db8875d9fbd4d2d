"""Alice renews the keys with Bob, as both do by themselves every week."""

from typing import Any

from demo.stage import Stage
from demo.telling import insist, show
from tests.support.people import Person


def renew(stage: Stage, alice: Person, bob: Person) -> None:
    """Have the conversation go on in another MLS group, and both know of it."""
    stage.step("Alice renews the keys with Bob; that happens by itself every week")
    before = _contact(alice, "Bob")["renewed_by_us"]
    show(stage, alice, "contacts", "renew", "Bob")
    alice.states.until(lambda status: any(contact["renewed_by_us"] != before for contact in status["contacts"]))
    show(stage, alice, "info", "Bob")
    insist(_contact(bob, "Alice")["renewed_by_them"] is not None, "Bob does not know of it")
    stage.good("who copied either vault before reads nothing from now on")


def _contact(person: Person, name: str) -> dict[str, Any]:
    (found,) = [contact for contact in person.ask("contacts", "list") if contact["name"] == name]
    return found
