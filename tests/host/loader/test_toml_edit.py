"""One value of a file is changed; everything else in it stays, comments and order too."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.loader.toml_edit import Uneditable, with_value, without_value

SHOW = ("settings", "ui_notify", "show")
POLICY = ("delivery", "policy")


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("", POLICY, '[delivery]\npolicy = "new"\n'),
        ("# ours", POLICY, '# ours\n\n[delivery]\npolicy = "new"\n'),
        (
            "[delivery]\n# why\npolicy = 'both' # keep\nhedge_seconds = 1\n\n[contacts]\nmax_contacts = 5\n",
            POLICY,
            '[delivery]\n# why\npolicy = "new" # keep\nhedge_seconds = 1\n\n[contacts]\nmax_contacts = 5\n',
        ),
        ("delivery.policy = 'both'", POLICY, 'delivery.policy = "new"'),
        ("delivery = { policy = 'both' } # x\n", POLICY, 'delivery = { policy = "new" } # x\n'),
        ("[delivery]\r\npolicy = 'both'\r\n", POLICY, '[delivery]\r\npolicy = "new"\r\n'),
        ("", SHOW, '[settings.ui_notify]\nshow = "new"\n'),
        ("[settings.ui_rpc]\nx = 1\n", SHOW, '[settings.ui_rpc]\nx = 1\n\n[settings.ui_notify]\nshow = "new"\n'),
    ],
)
def test_a_value_is_set_where_it_belongs(before: str, path: tuple[str, ...], after: str) -> None:
    assert with_value(before, path, "new") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[delivery]\n# why\npolicy = 'both' # gone\nhedge_seconds = 1\n", "[delivery]\n# why\nhedge_seconds = 1\n"),
        ("delivery = { policy = 'both', hedge_seconds = 1 }\n", "delivery = {  hedge_seconds = 1 }\n"),
        ("[contacts]\nmax_contacts = 5\n", "[contacts]\nmax_contacts = 5\n"),
        ("delivery = 1\n", "delivery = 1\n"),
    ],
)
def test_a_value_is_taken_out_and_its_table_stays(before: str, after: str) -> None:
    assert without_value(before, POLICY) == after


def test_a_dotted_key_is_taken_out_with_its_table() -> None:
    assert without_value("delivery.policy = 'both'\n[plugins]\n", POLICY) == "[plugins]\n"


def test_a_value_that_is_there_already_changes_nothing() -> None:
    text = "[delivery]\n  policy   =   'both'   # as I like it"
    assert with_value(text, POLICY, "both") == text


@pytest.mark.parametrize("text", ["[delivery", "x = 1\nx = 2", "delivery = 1", "[[delivery]]\npolicy = 'both'"])
def test_what_cannot_be_changed_says_so(text: str) -> None:
    with pytest.raises(Uneditable):
        with_value(text, POLICY, "new")


NAMES = st.sampled_from(["a", "b", '"c d"', "ü"])
VALUES = st.sampled_from(["1", "'x'", '"""\nx\ny"""', "[1, # one\n 2]", "true", "1.5", "1979-05-27", "{ z = 1 }"])
COMMENTS = st.sampled_from(["", " # said", "\n# below", "\n"])


@st.composite
def tables(draw: st.DrawFn, path: str) -> str:
    """Spell one table with a few values in one of TOML's ways."""
    values = draw(st.dictionaries(NAMES, st.tuples(VALUES, COMMENTS), max_size=3))
    style = draw(st.sampled_from(["header", "dotted", "inline"]))
    if style == "header":
        return f"[{path}]\n" + "".join(f"{name} = {value}{comment}\n" for name, (value, comment) in values.items())
    if style == "dotted":
        return "".join(f"{path}.{name} = {value}{comment}\n" for name, (value, comment) in values.items())
    return f"{path} = {{ {', '.join(f'{name} = 1' for name in values)} }}\n"


@st.composite
def files(draw: st.DrawFn) -> str:
    """Spell a whole file, which may be wrong."""
    names = ("plugins", "delivery", "settings.a", "settings.b", "settings.c")
    chosen = draw(st.lists(st.sampled_from(names), unique=True))
    parts = [draw(tables(name)) for name in chosen]
    # Dotted keys and inline tables stand before the first header.
    return "".join(sorted(parts, key=lambda part: part.startswith("[")))


def without_empty(table: dict) -> dict:
    """Leave out tables without values: of those that dotted keys made, nothing else is left in the text."""
    inner = {name: without_empty(value) if isinstance(value, dict) else value for name, value in table.items()}
    return {name: value for name, value in inner.items() if value != {}}


@given(files(), st.sampled_from([("delivery", "a"), ("settings", "b", "a"), ("settings", "d", "z")]), st.booleans())
def test_whatever_a_file_is_like_only_the_one_value_changes(text: str, path: tuple[str, ...], value: bool) -> None:
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    after = tomllib.loads(with_value(text, path, value))
    table = after
    for name in path[:-1]:
        table = table[name]
    assert table.pop(path[-1]) is value
    assert without_empty(tomllib.loads(without_value(with_value(text, path, value), path))) == without_empty(after)
    found = before
    for name in path[:-1]:
        found = found.setdefault(name, {})
    found.pop(path[-1], None)
    assert after == before


@given(files())
def test_no_comment_is_lost_by_setting_a_value(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    changed = with_value(text, ("delivery", "new"), 1)
    assert changed.count("#") == text.count("#")
