"""The address of a relay, as its operator gives it out: `balchat-relay:ONION`, with a permit where one is needed."""

import hashlib
import re
from base64 import b32decode
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import parse_qsl, quote

from balchat_common.ed25519 import is_of_small_order

from balchat_relay_proto.capabilities import onion_name
from balchat_relay_proto.sizes import MAX_PERMIT

SCHEME: Final = "balchat-relay"
PORT: Final = 80
"""The virtual port of the relay's onion."""

_MAX_LENGTH: Final = 512
_MAX_PARAMETERS: Final = 16
_ONION_LENGTH: Final = 56


class BadRelayAddress(ValueError):
    """This is not the address of a relay; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayAddress:
    """The relay's onion key, 32 octets, and what creating a queue there requires."""

    relay_key: bytes
    permit: str | None = None

    def __repr__(self) -> str:
        return "RelayAddress(…)"

    @property
    def onion(self) -> str:
        """The onion address, with ".onion"."""
        return onion_name(self.relay_key) + ".onion"

    @classmethod
    def parse(cls, address: str) -> Self:
        """Parse an address, or a bare onion, in upper or lower case. Raise BadRelayAddress.

        It does not undo what mail and chat programs do to addresses; the caller has done that.
        """
        joined = "".join(address.split())
        if len(joined) > _MAX_LENGTH:
            raise BadRelayAddress(f"it has {len(joined)} characters, and at most {_MAX_LENGTH} are allowed")
        scheme, colon, rest = joined.partition(":")
        if colon and scheme.lower() != SCHEME:
            raise BadRelayAddress(f"it begins with {scheme!r}, and not with {SCHEME}:")
        name, _, parameters = (rest if colon else joined).partition("?")
        if parameters.count("&") >= _MAX_PARAMETERS:
            raise BadRelayAddress(f"it has more than {_MAX_PARAMETERS} parameters")
        try:
            found = parse_qsl(parameters, keep_blank_values=True, strict_parsing=bool(parameters), errors="strict")
        except ValueError:
            raise BadRelayAddress("what follows the question mark cannot be read") from None
        permit = {key.lower(): value for key, value in found}.get("permit")
        if permit is not None and not (0 < len(permit) <= MAX_PERMIT and permit.isprintable()):
            raise BadRelayAddress("its permit is empty, too long or not printable")
        return cls(relay_key=_key_of(name.lower().removesuffix(".onion")), permit=permit)

    def __str__(self) -> str:
        # Only letters, digits and percent escapes, so that punctuation after an address is not taken for a part of it.
        escaped = re.sub("[._~-]", lambda mark: f"%{ord(mark[0]):02X}", quote(self.permit or "", safe=""))
        parameters = "" if self.permit is None else f"?permit={escaped}"
        return f"{SCHEME}:{onion_name(self.relay_key)}{parameters}"


def _key_of(name: str) -> bytes:
    if len(name) != _ONION_LENGTH:
        raise BadRelayAddress(f"the onion has {len(name)} characters before .onion, and needs {_ONION_LENGTH}")
    wrong = sorted(set(name) - set("abcdefghijklmnopqrstuvwxyz234567"))
    if wrong:
        raise BadRelayAddress(f"the onion contains {wrong[0]!r}; only a to z and 2 to 7 occur in one")
    raw = b32decode(name.upper())
    if raw[34:] != b"\x03":
        raise BadRelayAddress("the onion is not of version 3")
    if raw[32:34] != hashlib.sha3_256(b".onion checksum" + raw[:32] + b"\x03").digest()[:2]:
        raise BadRelayAddress("the onion's checksum does not match: a character is mistyped or missing")
    if is_of_small_order(raw[:32]):
        raise BadRelayAddress("the onion's key is one that anybody can sign with")
    return raw[:32]
