"""What the README and the newcomer's page have people type and see exists: commands, options, rules of make."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from balchat_ui_cli.program import application

from tests.support.people import Person

ROOT = Path(__file__).parents[2]
RULES = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PAGES = sorted(
    {
        str(path.relative_to(ROOT))
        for where in (
            "*.md",
            "*/*.md",
            "bindings/*/*.md",
            "docs/**/*.md",
            "examples/*/*.md",
            "plugins/*/*.md",
            "relay/*/*.md",
        )
        for path in ROOT.glob(where)
    }
)
BLOCK = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def typed(program):
    """Return each command line of a program on the pages, without its comment, as the words after the program."""
    found = []
    for page, prompt in (("README.md", r"(?:\$ )?"), ("docs/newcomer.md", r"\$ ")):
        for block in BLOCK.findall((ROOT / page).read_text()):
            lines = re.findall(rf"^{prompt}(?:.* && )?{program} (.*)$", block, re.MULTILINE)
            found += [(page, shlex.split(line, comments=True)) for line in lines]
    return found


@pytest.mark.parametrize(("page", "words"), typed("balchat"))
def test_a_command_that_people_are_told_to_type_is_there_with_its_options(page, words):
    command = typer.main.get_command(application())
    while hasattr(command, "commands"):
        assert words[0] in command.commands, words
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize(("page", "words"), typed("make"))
def test_a_rule_that_people_are_told_to_make_is_there(page, words):
    assert words[0] in RULES


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\((?!\w+:|#)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_what_doctor_tells_a_newcomer_is_on_their_page(tmp_path):
    page = (ROOT / "docs" / "newcomer.md").read_text()
    (shown,) = [block for block in BLOCK.findall(page) if block.startswith("$ balchat doctor\n")]
    with Person(tmp_path, "Alice") as alice:
        alice.init()
        assert re.findall(r"^ok  (.+?)  ", shown, re.MULTILINE) == [check["name"] for check in alice.doctor()]
