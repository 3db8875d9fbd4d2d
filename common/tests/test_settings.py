"""Settings are read as they are declared, and what is wrong with one names key, problem and what is allowed."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from balchat_common import settings
from balchat_common.setting_forms import BadDeclaration, Form, describe
from balchat_common.settings import Doc, Missing, Unfit, Writable, settings_of
from msgspec import Meta


class Colour(StrEnum):
    GREY = "grey"
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class Declared:
    weight: Annotated[int, Meta(ge=1, le=9)]
    length: Annotated[float, Meta(ge=0.5, lt=10)] = 1.0
    colour: Colour = Colour.GREY
    size: Literal["small", "large"] = "small"
    word: Annotated[str, Meta(min_length=1, max_length=5)] = "word"
    names: Annotated[tuple[str, ...], Meta(description="names", extra_json_schema={"uniqueItems": True})] = ()
    place: Path = Path("/")
    secret: Annotated[str, Meta(max_length=5)] = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.word in self.names:
            raise ValueError(f"names: it holds {self.word}; what is not word")
        if self.weight == 9 and self.length == 9:
            raise ValueError("too much of everything")


def test_what_is_given_is_read_and_what_is_not_has_its_default() -> None:
    read = settings.read(Declared, {"weight": 3, "length": 2, "colour": "red", "names": ["a", "b"], "place": "~/x"})
    assert read == Declared(weight=3, length=2.0, colour=Colour.RED, names=("a", "b"), place=Path.home() / "x")
    assert isinstance(read.length, float)


@pytest.mark.parametrize(
    ("given", "key", "problem", "allowed"),
    [
        ({"weight": 0}, "weight", "it is 0", "a whole number from 1 to 9"),
        ({"weight": True}, "weight", "it is true", "a whole number from 1 to 9"),
        ({"weight": 1.0}, "weight", "it is 1.0", "a whole number from 1 to 9"),
        ({"weight": "3"}, "weight", "it is a text", "a whole number from 1 to 9"),
        ({"length": float("nan")}, "length", "it is nan", "a number from 0.5 and below 10"),
        ({"length": float("inf")}, "length", "it is inf", "a number from 0.5 and below 10"),
        ({"colour": "blue"}, "colour", 'it is "blue"', "grey or red"),
        ({"size": "vast"}, "size", 'it is "vast"', "large or small"),
        ({"word": ""}, "word", "it is empty", "a text of 1 to 5 characters"),
        ({"word": "longer"}, "word", "it has 6 characters", "a text of 1 to 5 characters"),
        ({"names": ["a", "a"]}, "names", "it holds something twice", "names"),
        ({"names": ["a", 1]}, "names", "what is at [1] of it does not fit", "names"),
        ({"names": {}}, "names", "it is a table", "names"),
        ({"secret": "sesame"}, "secret", "it does not fit", "a text of up to 5 characters"),
        ({"secret": 12345}, "secret", "it does not fit", "a text of up to 5 characters"),
        ({"wieght": 1}, "wieght", "there is no such key; a.table.weight is the nearest", NAMES := (
            "weight, length, colour, size, word, names, place and secret"
        )),
        ({"other": 1}, "other", "there is no such key", NAMES),
        ({"names": ["word"]}, "names", "it holds word", "what is not word"),
        ({"weight": 9, "length": 9}, "", "too much of everything", "what the documentation says"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(given: dict[str, object], key: str, problem: str, allowed: str) -> None:
    with pytest.raises(Unfit) as caught:
        settings.read(Declared, {"weight": 3, **given}, table="a.table")
    assert (caught.value.key, caught.value.problem, caught.value.allowed) == (key, problem, allowed)
    assert str(caught.value) == f"{key}: {problem}. Allowed: {allowed}."


@pytest.mark.parametrize("key", ["weight", "colour"])
def test_what_is_no_text_is_no_value(key: str) -> None:
    with pytest.raises(Unfit):
        settings.settings_of(Declared)[key].read("\udcff")


def test_a_secret_is_in_no_message() -> None:
    with pytest.raises(Unfit) as caught:
        settings.read(Declared, {"weight": 3, "secret": "sesame"})
    assert "sesame" not in str(caught.value) + repr(caught.value)
    assert "sesame" not in str(caught.value.__context__)


def test_other_values_take_the_place_of_those_before_where_they_fit() -> None:
    before = Declared(weight=1, colour=Colour.RED)
    values = {"settings.a.weight": 7, "settings.a.colour": "blue", "settings.a.later": 1, "settings.b.length": 2.0}
    assert settings.updated(before, values, table="settings.a") == Declared(weight=7, colour=Colour.RED)
    assert settings.updated(before, {"settings.a.colour": "grey"}, table="settings.a") == Declared(weight=1)
    assert settings.updated(before, {"settings.a.names": ["word"]}, table="settings.a") == before


def test_what_has_no_default_has_to_be_given() -> None:
    with pytest.raises(Missing) as caught:
        settings.read(Declared, {})
    assert (caught.value.key, caught.value.allowed) == ("weight", "a whole number from 1 to 9")
    assert [name for name, setting in settings_of(Declared).items() if setting.required] == ["weight"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, "true or false"),
        (Annotated[int, Meta(ge=1)], "a whole number from 1"),
        (Annotated[int, Meta(le=5)], "a whole number up to 5"),
        (Annotated[int, Meta(gt=0, lt=6)], "a whole number above 0 and below 6"),
        (Annotated[float, Meta(ge=1, le=86400)], "a number from 1 to 86400"),
        (Annotated[str, Meta(min_length=2)], "a text of 2 or more characters"),
        (Annotated[str, Meta(pattern="^a")], "a text that matches ^a"),
        (list[int], "a list, each item a whole number"),
        (dict[str, int], "a table, each value a whole number"),
        (int | str | None, "a whole number or a text"),
        (Path, "a path"),
    ],
)
def test_what_is_allowed_is_said_in_words(kind: Any, words: str) -> None:
    assert describe(kind) == words


@pytest.mark.parametrize("kind", ["NoSuchType", list[int] | tuple[int, ...]])
def test_a_class_that_cannot_be_read_is_its_authors_fault(kind: Any) -> None:
    declared = dataclass(frozen=True)(type("Declared", (), {"__annotations__": {"x": kind}, "x": 1}))
    with pytest.raises(BadDeclaration, match="cannot be read"):
        settings.read(declared, {"x": [1]})


@dataclass(frozen=True, kw_only=True)
class Marked:
    plain: int
    many: list[int] = field(default_factory=lambda: [1])
    receipts: Annotated[bool, Doc("Whether they are sent."), Writable.AT_ONCE] = True
    hedge: Annotated[int, Meta(ge=0, le=9), Doc("How long."), Writable.AFTER_RESTART] = 8
    name: Annotated[str, Meta(max_length=5)] = ""
    colour: Colour = Colour.GREY
    size: Literal["small", "large"] = "small"
    share: Annotated[float, Meta(ge=0)] = 0.5
    place: Path = Path("/")


def test_a_setting_says_what_it_is_for_who_may_change_it_and_its_default() -> None:
    told = {name: (each.doc, each.writable, each.required, each.default) for name, each in settings_of(Marked).items()}
    assert told["plain"] == ("", None, True, None)
    assert told["many"] == ("", None, False, [1])
    assert told["receipts"] == ("Whether they are sent.", Writable.AT_ONCE, False, True)
    assert told["hedge"] == ("How long.", Writable.AFTER_RESTART, False, 8)
    assert settings.read(Marked, {"plain": 1, "hedge": 9}).hedge == 9
    with pytest.raises(Unfit, match="a whole number from 0 to 9"):
        settings.read(Marked, {"plain": 1, "hedge": 10})


def test_a_setting_says_its_form_for_a_front_end_to_draw() -> None:
    assert {name: each.form for name, each in settings_of(Marked).items()} == {
        "plain": Form(kind="integer"),
        "many": Form(kind="list"),
        "receipts": Form(kind="boolean"),
        "hedge": Form(kind="integer", least=0, most=9),
        "name": Form(kind="text", most=5),
        "colour": Form(kind="choice", choices=("grey", "red")),
        "size": Form(kind="choice", choices=("large", "small")),
        "share": Form(kind="number", least=0),
        "place": Form(kind="other"),
    }
