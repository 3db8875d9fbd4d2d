"""Chat codes: what a person hands out so that others can ask for contact. The law is docs/spec/chat-code.md.

`balchat:<onion without .onion>?name=Alice&relay=<onion without .onion>`. The code is the identity key: there is nothing
to look up.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote

from balchat_host.api.errors import BadChatCode, BadOnionAddress
from balchat_host.api.types import PeerId
from balchat_host.core.envelope import MAX_CODE_SIZE
from balchat_host.core.names import clean_name

SCHEME: Final = "balchat:"
MAX_RELAYS: Final = 3
"""How many relays a chat code names; further ones are passed over."""
_PEER_ID_HEX: Final = 64
_SHORTEST_SPELLING: Final = 56
"""An onion address without `.onion`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCode:
    """A peer, and what its owner says of itself: a name, and the relays at which it can be found while it is away."""

    peer: PeerId
    name: str | None = None
    relays: tuple[PeerId, ...] = ()

    def __str__(self) -> str:
        parameters = [f"name={quote(self.name, safe='')}"] if self.name else []
        parameters += [f"relay={_bare(relay)}" for relay in self.relays]
        return "?".join([peer_uri(self.peer), *(["&".join(parameters)] if parameters else [])])

    @classmethod
    def parse(cls, text: str) -> "ChatCode":
        """Read a chat code, or a bare onion address. Raises BadChatCode, which says what is wrong.

        Unknown parameters are passed over, so that later versions can add some.
        """
        code = "".join(text.split())
        if not code:
            raise BadChatCode(problem="it is empty")
        if len(code) > MAX_CODE_SIZE:
            raise BadChatCode(problem=f"it has {len(code)} characters; none has more than {MAX_CODE_SIZE}")
        scheme, colon, rest = code.partition(":")
        if not colon:
            scheme, rest = "balchat", code
        if scheme.lower() != "balchat":
            raise BadChatCode(problem=f"it begins with {scheme[:20]!r}, not with {SCHEME!r}")
        address, _, query = rest.partition("?")
        try:
            peer = PeerId.from_onion(address)
        except BadOnionAddress as error:
            raise BadChatCode(problem=error.fields["problem"]) from error
        try:
            parameters = parse_qsl(query, strict_parsing=bool(query), max_num_fields=16)
            relays = [PeerId.from_onion(value) for key, value in parameters if key == "relay"]
        except BadOnionAddress as error:
            raise BadChatCode(problem=f"the relay that it names is none: {error.fields['problem']}") from error
        except ValueError as error:
            raise BadChatCode(problem="what follows the question mark cannot be read") from error
        return cls(
            peer=peer,
            name=clean_name(dict(parameters).get("name", "")) or None,
            relays=tuple(dict.fromkeys(relays))[:MAX_RELAYS],
        )


def parse_peer(who: str) -> PeerId | None:
    """Read a peer id in any spelling, or give None where it is none."""
    who = who.strip().lower()
    if len(who) < _SHORTEST_SPELLING:  # most likely a name: it need not be tried
        return None
    if len(who) == _PEER_ID_HEX:
        try:
            return PeerId(bytes.fromhex(who))
        except ValueError:
            return None
    try:
        return PeerId.from_onion(who.removeprefix("balchat:").partition("?")[0])
    except BadOnionAddress:
        return None


def peer_uri(peer: PeerId) -> str:
    """Give a peer's URI: its bare chat code. It is also the sender URI of the MIMI drafts."""
    return SCHEME + _bare(peer)


def _bare(peer: PeerId) -> str:
    return peer.onion.removesuffix(".onion")
