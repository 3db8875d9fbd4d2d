"""A program of several commands: shared options, help with examples, and what is said of a wrong line."""

from enum import StrEnum
from typing import Annotated, Any

import pytest
import typer
import typer.main
from balchat_common import commands
from balchat_common.commands import new_group, place_of, run, what_is_wrong, with_options

SHARED: dict[str, Any] = {
    "folder": Annotated[str | None, typer.Option(metavar="DIR", help="Where.")],
    "json": Annotated[bool, typer.Option("--json", help="For programs.")],
}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Overview(commands.Overview):
    panels = ("First", "Second")


class Command(commands.Command):
    shared = frozenset(SHARED)


def paint(*, colour: Annotated[Colour, typer.Argument()]) -> None:
    """Paint something."""


def program(said: list[Any]) -> Any:
    app = new_group(Overview)

    def copy(run: dict[str, Any], source: str, *, twice: Annotated[bool, typer.Option("--twice")] = False) -> int:
        """Copy something."""
        said.append((run, source, twice))
        return 3

    def other(
        run: dict[str, Any],
        *,
        colour: Annotated[Colour, typer.Option("--colour")] = Colour.RED,
    ) -> None:
        """Do something else."""
        said.append(run)

    for name, panel, function in (("other", "Second", other), ("copy", "First", copy)):
        call = with_options(function, SHARED, lambda _, given: given)
        app.command(name, cls=Command, epilog=f"prog {name} x\nprog {name} y", rich_help_panel=panel)(call)
    return typer.main.get_command(app)


def test_a_command_gets_first_what_the_program_makes_of_the_shared_options() -> None:
    said: list[Any] = []
    assert run(program(said), ["copy", "this", "--json", "--twice"], name="prog") == 3
    assert run(program(said), ["other", "--folder", "x"], name="prog") == 0
    assert said == [({"folder": None, "json": True}, "this", True), {"folder": "x", "json": False}]


def test_help_tells_own_options_from_shared_ones_and_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(program([]), ["copy", "--help"], name="prog") == 0
    text = capsys.readouterr().out
    order = ["Copy something.", "Arguments", "Options:", "--twice", "Shared options", "--folder", "--json", "Examples"]
    assert sorted(order, key=text.index) == order
    assert text.endswith("  prog copy x\n  prog copy y\n")


def test_without_a_command_help_lists_all_under_their_panels(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(program([]), [], name="prog") == 0
    text = capsys.readouterr().out
    order = ["First", "copy ", "Second", "other "]
    assert sorted(order, key=text.index) == order


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["copy"], "Missing argument 'source'. `prog copy --help` shows what there is."),
        (["copy", "x", "--thrice"], "No such option: --thrice"),
        (["other", "--colour", "x"], "Invalid value for '--colour': 'x' is not one of 'red', 'blue'. `prog"),
        (["kopy"], "No such command 'kopy'"),
    ],
)
def test_a_wrong_line_is_told_with_where_to_look(line: list[str], said: str) -> None:
    with pytest.raises(typer.TyperException) as caught:
        run(program([]), line, name="prog")
    assert what_is_wrong(caught.value, "prog").startswith(said)


def test_the_choices_of_what_is_missing_are_told_in_one_line() -> None:
    app = new_group(Overview)
    app.command("paint", cls=Command, rich_help_panel="First")(paint)
    with pytest.raises(typer.TyperException) as caught:
        run(typer.main.get_command(app), ["paint"], name="prog")
    assert what_is_wrong(caught.value, "prog").startswith("Missing argument 'colour'. Choose from: red, blue.")


def test_an_unforeseen_error_is_named_by_its_place_and_not_by_its_words() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        raise ExceptionGroup("words", [ValueError("secret words")])
    assert place_of(caught.value) == "ValueError"
    with pytest.raises(KeyError) as raised:
        raise KeyError("secret words")
    assert place_of(raised.value).startswith("KeyError at test_commands.py:")
