"""Where `@` and a name mention somebody."""

from __future__ import annotations

import pytest

from balchat_host.api.types import PeerId
from balchat_host.core.chat_codes import peer_uri
from balchat_host.core.messages.mentions import as_names, written

BOB, BOBBY = PeerId(bytes([1]) * 32), PeerId(bytes([2]) * 32)


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@Bob, look", [BOB]),
        ("look, @Bob", [BOB]),
        ("(@Bob)", [BOB]),
        ("@Bob and @Bobby Tables", [BOB, BOBBY]),
        ("@Bobby Tables", [BOBBY]),
        ("@Bobber", []),
        ("ann@Bob.example", []),
        ("Bob", []),
    ],
)
@pytest.mark.parametrize("markdown", [True, False])
def test_a_name_mentions_only_as_a_word(text: str, mentions: list[PeerId], markdown: bool) -> None:
    said = written(text, {"Bob": BOB, "Bobby Tables": BOBBY}, markdown=markdown)
    assert [peer for peer in (BOB, BOBBY) if peer_uri(peer) in said] == mentions


def test_an_excerpt_names_people_and_links_nothing_else_away() -> None:
    text = f"\\[x] [@Bob \\(the elder\\)]({peer_uri(BOB)}) and [a map](https://example.com)"
    assert as_names(text) == "\\[x] @Bob (the elder) and [a map](https://example.com)"
