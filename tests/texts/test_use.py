"""Each text that a front end asks for exists, each that exists is asked for, and none stands in the code."""

from pathlib import Path

import pytest
from balchat_texts import catalogue

from tests.support.text_use import find_in_javascript, find_in_python

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "plugins" / "ui_web" / "balchat_ui_web" / "page"


def python(*folders):
    return find_in_python([file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))])


@pytest.fixture(scope="module")
def terminal():
    return python("plugins/ui_tui/balchat_ui_tui")


@pytest.fixture(scope="module")
def page():
    return find_in_javascript([file for file in sorted(PAGE.rglob("*.js")) if file.name != "vendor.js"])


@pytest.fixture(scope="module")
def others():
    return python("texts/balchat_texts", "plugins/ui_web/balchat_ui_web")


def test_each_text_that_is_asked_for_exists(terminal, page, others):
    asked = others.asked | terminal.asked | page.asked
    missing = {key: place for key, place in asked.items() if key not in catalogue("en")}
    assert missing == {}


def test_each_text_is_asked_for(terminal, page, others):
    used = (terminal, page, others)
    assert [key for key in catalogue("en") if not any(each.uses(key) for each in used)] == []


def test_each_beginning_of_a_key_begins_some(terminal, page):
    areas = {key.partition(".")[0] for key in catalogue("en")}
    beginnings = {
        each for each in terminal.beginnings | page.beginnings if each.partition(".")[0] in areas - {"settings"}
    }
    assert {each for each in beginnings if not any(key.startswith(each) for key in catalogue("en"))} == set()


def test_no_text_of_the_terminal_screen_stands_in_its_code(terminal):
    assert terminal.literals == {}


def test_no_text_of_the_page_stands_in_its_code(page):
    assert page.literals == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("html`<p>${t('chat.x')}</p>`", []),
        ("html`<p>Hello ${name}</p>`", ["Hello"]),
        ('html`<input placeholder="Search here" />`', ["Search here"]),
        ("html`<div>${list.map((each) => html`<b title=${each}>Inner</b>`)}</div>`", ["Inner"]),
        ("html`<button onClick=${() => { go('chats') }}>·</button>`", []),
        ("// html`<p>Comment</p>`", []),
    ],
)
def test_a_text_in_a_template_of_the_page_is_found(tmp_path, source, said):
    file = tmp_path / "a.js"
    file.write_text(source)
    assert list(find_in_javascript([file]).literals.values()) == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('"""Documentation of all."""\nLabel(t("chat.x"))', []),
        ('Label("Send")', ["Send"]),
        ('x = f"Hello there, {name}"', ["Hello there, "]),
        ('raise ValueError("this is wrong")', []),
        ('DEFAULT_CSS = "Label { color: red; } Label Button { }"', []),
        ('log.warning("the socket went")', []),
    ],
)
def test_a_text_in_the_code_of_the_terminal_screen_is_found(tmp_path, source, said):
    file = tmp_path / "a.py"
    file.write_text(source)
    assert list(find_in_python([file]).literals.values()) == said
