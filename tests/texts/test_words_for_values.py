"""What an account says by a code has a text: every error, state, reason and alarm."""

import re

import pytest
from balchat_texts import Texts, catalogue, languages
from balchat_texts.texts import PARAMETER
from balchat_ui_cli.render import file_words, message_words, people

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import BalchatError, type_registry
from balchat_host.api.types import Phase
from balchat_host.api.views import AlarmKind, ContactState, ContactView, FileState, FileView, MessageState

ERRORS = {"error": BalchatError} | type_registry


def keys(beginning):
    return {key.removeprefix(beginning) for key in catalogue("en") if key.startswith(beginning)}


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_an_error_has_a_text_with_no_other_fields_than_its_own(code):
    fields = set(PARAMETER.findall(ERRORS[code].__doc__ or ""))
    for language in languages():
        text = catalogue(language)[f"errors.{code}"]
        assert isinstance(text, str)
        assert set(PARAMETER.findall(text)) <= fields, language


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_a_front_end_says_an_error_with_what_its_fields_hold(code):
    error = ERRORS[code](**{name: f"<{name}>" for name in PARAMETER.findall(ERRORS[code].__doc__ or "")})
    for language in languages():
        said = Texts(language).error(error)
        assert "{" not in said
        assert not re.search(r"\([a-z_]+\)", said), "a field that is not filled shows its name in brackets"


class PigeonLost(BalchatError):
    """The pigeon {name} is lost."""


PigeonLost.code = "pigeon-lost"  # not in the class: there, it would be one of the errors that there are


def test_an_error_that_only_a_plugin_knows_says_itself():
    assert Texts("es").error(PigeonLost(name="Ada")) == "The pigeon Ada is lost."


def test_a_field_that_is_missing_breaks_no_message():
    assert Texts("en").error(type_registry["no-such-contact"]()) == "No contact is called (name)."


def test_sizes_and_names_in_errors_are_not_bare_numbers():
    no_room = type_registry["no-room"](name="a.iso", needed=4_700_000_000, free=120_000)
    assert "4.7 GB" in Texts("en").error(no_room)
    running = type_registry["running-unreachable"](process=12345, directory="/run/x")
    assert "12345" in Texts("en").error(running)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("message", MessageState),
        ("contact", ContactState),
        ("file", FileState),
        ("phase", Phase),
        ("alarm", AlarmKind),
    ],
)
def test_each_state_has_a_text_and_no_other_has(kind, values):
    assert keys(f"states.{kind}.") == {str(value) for value in values}


def documented(described):
    """Return the reasons that a view's documentation names: in backticks, in lower case with hyphens."""
    _, _, reasons = (described.__doc__ or "").partition("says w")
    fields = set(described.__annotations__)
    ways = {"alarm", "here", "direct", "relay"}
    return set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", reasons)) - fields - ways


@pytest.mark.parametrize("described", [ContactView, FileView, FileProgress])
def test_each_reason_that_is_documented_has_a_text(described):
    reasons = documented(described)
    assert len(reasons) >= 3
    assert reasons <= keys("states.reason.") | keys("states.metadata.")


def test_each_reason_that_the_command_line_has_words_for_has_a_text():
    known = {*people.CONTACT_REASONS, *file_words.REASONS}
    assert known <= keys("states.reason.")


def test_each_refusal_of_a_message_is_said_in_words_by_the_command_line_too():
    refusals = keys("states.refusal.")
    assert {"crypto-rejected", "storage-full", "internal"} <= refusals
    assert refusals <= message_words.REASONS.keys() <= refusals | keys("states.reason.")


HOSTILE = "a\x1b[2J\u202eb\nc 👩\u200d🚀"
SHOWN = "a<U+001B>[2J<U+202E>b<U+000A>c 👩\u200d🚀"


def test_what_an_error_or_an_account_names_is_harmless():
    t = Texts("en")
    assert SHOWN in t.error(type_registry["no-such-contact"](name=HOSTILE))
    assert t.error(PigeonLost(name=HOSTILE)) == f"The pigeon {SHOWN} is lost."
    assert t.known("states.reason", HOSTILE) == SHOWN
