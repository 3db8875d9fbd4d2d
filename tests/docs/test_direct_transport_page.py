"""The page about the direct transport says what the program does: its tables are the program's."""

import re
from pathlib import Path

import pytest
from balchat_transport_tor_direct.collision_resolver import TABLE
from balchat_transport_tor_direct.frames import SHAPES, CloseReason, FrameType
from balchat_transport_tor_direct.handshake import DOMAIN, Acceptor, Dialler, Purpose, State
from balchat_transport_tor_direct.link import Link
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import PORT

PAGE = "spec/direct-transport.md"
PLUGIN = Path(__file__).parents[2] / "plugins" / "transport_tor_direct"


@pytest.fixture
def table(page):
    """Return the rows of the table that has this heading."""

    def find(*heading):
        line = "| " + " | ".join(heading) + " |\n"
        text = page(PAGE).partition(line)[2].partition("\n\n")[0]
        return [[cell.strip() for cell in row.strip("| ").split("|")] for row in text.splitlines()[1:] if "|" in row]

    return find


def test_the_frames(table):
    rows = {row[1]: row for row in table("type", "name", "length", "number", "payload", "from")}
    assert set(rows) == {kind.name for kind in FrameType}
    for kind, shape in SHAPES.items():
        code, _, length, number, *_ = rows[kind.name]
        bounds = [int(number) for number in length.replace(",", "").split(" – ")]
        assert int(code, 16) == kind
        assert (bounds[0], bounds[-1]) == (shape.shortest, shape.longest)
        assert (number != "0") == shape.numbered


def test_the_close_reasons(table):
    rows = table("reason", "name", "meaning")
    assert {row[1]: int(row[0]) for row in rows} == {
        reason.name.lower().replace("_", " "): reason for reason in CloseReason
    }


@pytest.mark.parametrize(("machine", "heading"), [(Dialler, "dialler's state"), (Acceptor, "acceptor's state")])
def test_the_handshake(table, machine, heading):
    names = {kind.name for kind in FrameType}
    said = {
        (State(state), FrameType[on]): State(after)
        for states, on, _, after in table(heading, "on", "does", "next")
        for state in states.split(", ")
        if on in names
    }
    done = {key: after for key, (_, after) in machine.TRANSITIONS.items()}
    # The page goes on to what the signature or the admission leads to; the machine waits there for its caller.
    assert said == done


def test_the_link(table):
    rows = table("link's state", "on", "does", "next")
    said = {name for state, on, *_ in rows if state == "open" for name in on.split(", ") if name != "close"}
    assert said == {kind.name for kind in Link.HANDLERS}


def test_one_stream_for_each_pair(table):
    said = {row[0]: row[1:] for row in table("we have", "ours wins", "theirs wins")}
    done = {have.value: [", ".join(do.value for do in dos) for dos in both] for have, both in TABLE.items()}
    assert said == done


def test_every_rule_is_checked_somewhere(page):
    rules = set(re.findall(r"^- \*\*([FHL]\d+)\*\*", page(PAGE), flags=re.MULTILINE))
    sources = "".join(path.read_text() for path in (PLUGIN / "balchat_transport_tor_direct").glob("*.py"))
    # H9 is a time-out.
    assert {rule for rule in rules if re.search(rf"\b{rule}\b", sources)} == rules - {"H9"}


def test_the_constants(page):
    text = page(PAGE)
    assert f"**{PORT}**" in text
    assert f'"{DOMAIN}"' in text
    assert all(purpose.value.hex(" ") in text for purpose in Purpose)


def test_the_limits_and_times_are_the_defaults_of_the_settings(page):
    text, defaults = page(PAGE), DirectSettings()
    for name, phrase in (
        ("keepalive", "*keep-alive interval* ({:g} s;"),
        ("keepalive_busy", "{:g} s while it waits for an answer"),
        ("pong_timeout", "*pong time-out* ({:g} s)"),
        ("answer_timeout", "*answer time-out* ({:g} s)"),
        ("stall_timeout", "*stall time-out* ({:g} s)"),
        ("handshake_timeout", "*handshake time-out* ({:g} s)"),
        ("probe_timeout", "*probe time-out* ({:g} s)"),
        ("max_handshakes", "| streams in a handshake, at each onion | {} |"),
        ("max_streams", "| streams in all | {} |"),
        ("bulk_streams_of_peer", "| bulk streams that one contact opened | {} |"),
        ("max_bulk_streams", "| bulk streams that contacts opened | {} |"),
        ("stranger_envelopes_per_second", "| {}, after "),
        ("stranger_envelopes", ", after {} at once |"),
        ("frames_per_second", "| {:,}, 32 MiB |"),
    ):
        assert phrase.format(getattr(defaults, name)) in text, name
    assert defaults.memory == 64 * 1024 * 1024
    assert defaults.window == 512 * 1024
