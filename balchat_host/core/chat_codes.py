"""Chat codes: what a person hands out so that others can ask for contact. The law is docs/spec/chat-code.md.

`balchat:<onion without .onion>?name=Alice&relay=<onion without .onion>`. The code is the identity key: there is nothing
to look up.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from balchat_host.api.errors import BadChatCode, BadOnionAddress
from balchat_host.api.types import PeerId
from balchat_host.api.uris import UnreadableUri, read_uri
from balchat_host.core.envelope import MAX_CODE_SIZE
from balchat_host.core.names import clean_name

SCHEME: Final = "balchat"
MAX_RELAYS: Final = 3
"""How many relays a chat code names; further ones are passed over."""
_PEER_ID_HEX: Final = 64
_MOST_SPACE: Final = 4
"""A text is at most so many times as long as a code may be; the rest is white space, and what stands around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCode:
    """A peer, and what its owner says of itself: a name, and the relays at which it can be found while it is away."""

    peer: PeerId
    name: str | None = None
    relays: tuple[PeerId, ...] = ()

    def __str__(self) -> str:
        parameters = [f"name={_escaped(self.name)}"] if self.name else []
        parameters += [f"relay={_bare(relay)}" for relay in self.relays]
        return "?".join([peer_uri(self.peer), *(["&".join(parameters)] if parameters else [])])

    @classmethod
    def parse(cls, text: str) -> "ChatCode":
        """Read a chat code, or a bare onion address, as mail or a chat program has left it.

        Raise BadChatCode, which says what is wrong. Unknown parameters are passed over, so that later versions can add
        some.
        """
        size = len(text) if len(text) > _MOST_SPACE * MAX_CODE_SIZE else len("".join(text.split()))
        if not size:
            raise BadChatCode(problem="it is empty")
        if size > MAX_CODE_SIZE:
            raise BadChatCode(problem=f"it has {size} characters; none has more than {MAX_CODE_SIZE}")
        try:
            uri = read_uri(text, SCHEME, onions=("relay",), texts=("name",))
            peer = PeerId.from_onion(uri.onion)
            relays = [_relay(onion) for onion in uri.values("relay")]
        except UnreadableUri as error:
            raise BadChatCode(problem=str(error)) from error
        except BadOnionAddress as error:
            raise BadChatCode(problem=error.fields["problem"]) from error
        return cls(
            peer=peer,
            name=clean_name("".join(uri.values("name")[:1])) or None,
            relays=tuple(dict.fromkeys(relays))[:MAX_RELAYS],
        )


def parse_peer(who: str) -> PeerId | None:
    """Read a peer id, a chat code or an onion address in any spelling, or give None where it is none.

    Whoever looks for a person calls this only where `is_spelt_like_a_key` says so: all else is a name.
    """
    digits = "".join(each for each in who if each.isascii() and each.isprintable() and each != " ")
    if len(digits) == _PEER_ID_HEX:
        try:
            return PeerId(bytes.fromhex(digits))
        except ValueError:
            return None
    try:
        return ChatCode.parse(who).peer
    except BadChatCode:
        return None


def peer_uri(peer: PeerId) -> str:
    """Return a peer's URI: its bare chat code. It is also the sender URI of the MIMI drafts."""
    return f"{SCHEME}:{_bare(peer)}"


def _relay(onion: str) -> PeerId:
    try:
        return PeerId.from_onion(onion)
    except BadOnionAddress as error:
        raise BadChatCode(problem=f"the relay that it names is none: {error.fields['problem']}") from error


def _escaped(name: str) -> str:
    """Return a name in letters, digits and percent escapes alone: what else follows a code is no part of it."""
    escaped = re.sub(r"[._~-]", lambda mark: f"%{ord(mark[0]):02X}", quote(name, safe=""))
    # An equals sign is "=3D" in quoted-printable.
    return re.sub("^3(?=[dD])", "%33", escaped)


def _bare(peer: PeerId) -> str:
    return peer.onion.removesuffix(".onion")
