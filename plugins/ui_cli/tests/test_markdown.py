"""Markdown as people see it in a terminal."""

import pytest

from balchat_host.api.markdown import as_typed, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Ask [@Ann](balchat:{'a' * 56}), 2\\*3", "Ask @Ann, 2*3"),
        ("*really* __so__", "*really* __so__"),
        ("one\\\ntwo", "one\ntwo"),
        ("[here](https://example.com/a?b)", "here <https://example.com/a?b>"),
        ("[bank](https://b\u0430nk.example)", "bank <https://xn--bnk-6cd.example>"),
        ("[x](https://user@evil.example/)", "x <https://evil.example/>"),
        ("[not a link] (at all)", "[not a link] (at all)"),
        ("a\\b \\\\", "a\\b \\"),
        ("\\[a](http://a.example) \\\\[b](http://b.example)", "[a](http://a.example) \\b <http://b.example>"),
        ("[x](http://" + "\u0430." * 200 + "example)", "x <http://" + "\\u0430." * 200 + "example>"),
    ],
)
def test_links_show_where_they_lead_and_escapes_are_gone(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "text", ["[" * 32_768, "\\[" * 16_384, "[a](" * 8192, "\\" * 32_768, "[" + "a" * 32_000, "[a](h" + "a" * 32_000]
)
def test_text_that_only_begins_to_be_a_link_is_no_link(text: str) -> None:
    assert "<" not in plain(text)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        (f"Ask [@Ann](balchat:{'a' * 56}), 2\\*3\\\nor so", ("Ask @Ann, 2*3\nor so", False)),
        (f"Ask [@Ann](balchat:{'a' * 56}) *now*", ("Ask @Ann *now*", True)),
        ("[here](https://example.com/)", ("[here](https://example.com/)", True)),
    ],
)
def test_what_was_written_can_be_typed_again(text: str, typed: tuple[str, bool]) -> None:
    assert as_typed(text) == typed
