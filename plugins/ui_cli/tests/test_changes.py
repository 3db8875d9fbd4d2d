"""Editing, deleting, reacting and expiring from the command line."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from balchat_ui_cli.dates import parse_date, parse_duration
from balchat_ui_cli.text import duration

from balchat_host.api.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.peer import Peer
    from conftest import Cli


@pytest.fixture
def bob(alice: MemoryAccount) -> Peer:
    """A contact of the account that runs, who is away."""
    return alice.befriend("Bob")


def send(cli: Cli, text: str, *options: str) -> str:
    """Write to Bob; return the id."""
    return cli.json("send", "Bob", text, *options)["id"]


def shown(cli: Cli) -> list[str]:
    """Return the lines of the history, without the date."""
    return cli.ok("history", "Bob").out.splitlines()[1:]


def test_an_edit_is_shown_with_its_earlier_versions_in_info(cli: Cli, bob: Peer) -> None:
    message = send(cli, "At six.")
    assert cli.ok("edit", "Bob", message[:8], "At seven.").out == f"{message[:8]}: edit queued\n"
    assert "At seven." in shown(cli)[0]
    assert "edited" in shown(cli)[1]
    info = cli.ok("info", "Bob", message).out
    assert info.index("At six.") < info.index("At seven.")
    bob.receive()
    assert bob.heard == ["At seven."]


def test_without_a_text_the_editor_gets_a_private_file(
    cli: Cli, bob: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    editor = tmp_path / "editor"
    editor.write_text(
        f'#!/bin/sh\nls -ld "$(dirname "$1")" | cut -c1-10 > {seen}\ncat "$1" >> {seen}\necho better > "$1"\n'
    )
    editor.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(editor))
    message = send(cli, "good")
    cli.ok("edit", "Bob", message)
    assert seen.read_text() == f"{stat.filemode(stat.S_IFDIR | 0o700)}\ngood"
    assert "better" in shown(cli)[0]
    assert not list(tmp_path.glob("balchat-edit-*"))
    monkeypatch.setenv("EDITOR", "false")
    assert "nothing was changed" in cli("edit", "Bob", message).err
    monkeypatch.delenv("EDITOR")
    assert "EDITOR" in cli("edit", "Bob", message).err


def test_what_is_deleted_leaves_a_remark_or_nothing(cli: Cli, bob: Peer) -> None:
    message, theirs = send(cli, "oops"), bob.write("hello").id
    cli.ok("delete", "Bob", message)
    assert "[deleted]" in shown(cli)[0]
    assert cli("delete", "Bob", theirs).code == BadInput.exit_code
    cli.ok("delete", "Bob", theirs, "--for-me")
    assert len(shown(cli)) == 1
    assert "deleted" in cli.ok("info", "Bob", message).out


def test_a_message_of_another_conversation_is_not_meant(cli: Cli, bob: Peer) -> None:
    note = cli.json("send", "me", "a note")["id"]
    for command in ("delete", "info", "retry"):
        assert "no message" in cli(command, "Bob", note).err.lower()


def test_reactions_are_counted_and_named(cli: Cli, bob: Peer) -> None:
    message = bob.write("hello").id
    cli.ok("react", "Bob", message, "👍")
    assert "👍 1" in shown(cli)[1]
    assert "you: 👍" in cli.ok("info", "Bob", message).out
    cli.ok("react", "Bob", message, "👍", "--remove")
    assert len(shown(cli)) == 1
    assert "one emoji" in cli("react", "Bob", message, "ok").err


def test_a_message_expires_as_it_says_or_as_the_conversation_does(cli: Cli, bob: Peer) -> None:
    assert cli.json("send", "Bob", "soon", "--expires", "1h")["expires_after"] == 3600
    assert cli.ok("conversations", "set", "Bob", "--expire-after", "7d").out == (
        "Bob: messages expire 7 d after they are read.\n"
    )
    assert cli.json("send", "Bob", "in a week")["expires_after"] == 7 * 86_400
    assert "messages expire 7 d" in cli.ok("conversations", "list").out
    cli.ok("conversations", "set", "Bob", "--expire-after", "off")
    assert cli.json("send", "Bob", "stays")["expires_after"] is None
    assert "expires" in shown(cli)[1]


def test_a_message_expires_at_a_time_whether_it_is_read_or_not(cli: Cli, bob: Peer) -> None:
    sent = cli.json("send", "Bob", "see you there", "--expires-at", "2027-02-01T20:00")
    assert sent["expires_at"] == parse_date("2027-02-01T20:00")
    assert "expires 2027-02-01 20:00" in shown(cli)[1]
    assert cli("send", "Bob", "both", "--expires", "1h", "--expires-at", "2027-02-01").code == 2
    assert cli("send", "Bob", "gone", "--expires-at", "2001-01-01").code == BadInput.exit_code
    assert cli("send", "Bob", "when?", "--expires-at", "soon").code == BadInput.exit_code
    assert [message.text for message in bob.conversation] == ["see you there"]


def test_all_versions_of_a_message(cli: Cli, bob: Peer) -> None:
    message = send(cli, "At six.")
    assert cli.ok("edit", "Bob", message, "At seven.").out == f"{message[:8]}: edit queued\n"
    versions = cli.ok("history", "Bob", "--versions", message, "--json").json_lines
    assert [version["text"] for version in versions] == ["At six.", "At seven."]


def test_a_mention_is_shown_as_one(cli: Cli, bob: Peer) -> None:
    sent = cli.json("send", "Bob", "Ask @Bob", "--mention", "Bob")
    assert sent["text"].startswith("Ask [@Bob](balchat:")
    assert "Ask @Bob" in shown(cli)[0]


def test_an_edit_keeps_a_mention(cli: Cli, bob: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = send(cli, "Ask @Bob, 2*3", "--mention", "Bob")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nread -r line < "$1"\necho "$line, today" > "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("VISUAL", str(editor))
    cli.ok("edit", "Bob", message)
    assert "Ask @Bob, 2*3, today" in shown(cli)[0]
    assert "[@Bob](balchat:" in (bob.conversation[0].text or "")


def test_a_conversation_is_exported_whole_and_nothing_in_it_is_markup(cli: Cli, bob: Peer) -> None:
    bob.write("<script>alert(1)</script> *really*\nnot really")
    gone = send(cli, "not this")
    cli.ok("delete", "Bob", gone)
    exported = {form: cli("export", "Bob", "--format", form) for form in ("md", "html", "json")}
    for each in exported.values():
        assert (each.code, "in the clear" in each.err, "not this" in each.out) == (0, True, False)
    assert "&lt;script&gt;" in exported["html"].out
    assert "<script>" not in exported["html"].out
    assert "<br>\nnot really</p>" in exported["html"].out
    assert r"\*really\*" in exported["md"].out
    texts = [each["text"] for each in exported["json"].json_lines]
    assert texts == ["<script>alert(1)</script> *really*\nnot really", None]


@pytest.mark.parametrize(
    ("typed", "seconds", "said"), [("90s", 90, "90 s"), ("5m", 300, "5 min"), ("4w", 2_419_200, "28 d")]
)
def test_time_spans(typed: str, seconds: int, said: str) -> None:
    assert parse_duration(typed) == seconds
    assert duration(seconds) == said


@pytest.mark.parametrize("typed", ["", "1", "h", "1y", "-1h", "1h30m", "1.5h"])
def test_what_is_no_time_span_is_refused(typed: str) -> None:
    with pytest.raises(BadInput):
        parse_duration(typed)


def test_notes_to_oneself_are_nobody_elses(cli: Cli, bob: Peer) -> None:
    note = cli.json("send", "me", "milk")["id"]
    assert cli.ok("edit", "me", note, "*oat* milk", "--markdown").out == f"{note[:8]}: edited\n"
    assert "markdown" in cli.json("edit", "me", note, "*oat* milk!")["content_type"]
    assert cli.ok("delete", "me", note).out == f"{note[:8]}: deleted\n"


def test_markdown_is_sent_as_such(cli: Cli, bob: Peer) -> None:
    assert cli.json("send", "Bob", "*now*", "--markdown")["content_type"].startswith("text/markdown")
    assert cli.json("send", "Bob", "*now*")["content_type"].startswith("text/plain")
