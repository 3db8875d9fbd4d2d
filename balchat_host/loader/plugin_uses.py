"""What each kind of plugin is given to see and to do, in words for the owner of an account."""

from __future__ import annotations

from typing import Final

from balchat_host.api.descriptors import (
    CryptoDescriptor,
    Descriptor,
    FrontEndDescriptor,
    NetworkDescriptor,
    StorageDescriptor,
    TransportDescriptor,
)

USES: Final[dict[type[Descriptor], str]] = {
    NetworkDescriptor: (
        "A network sees which onion addresses are dialled, and when. It is given the keys of your onions, to publish "
        "them. It carries octets, and is given no message."
    ),
    TransportDescriptor: (
        "A transport sees encrypted envelopes, who they are for or from, when and how large. It can sign as your "
        "account, dial, publish your onions, and keep something of its own in the vault. It is given no text, no key."
    ),
    StorageDescriptor: (
        "A storage is given your passphrase, and sees everything that is kept: messages, contacts and keys."
    ),
    CryptoDescriptor: "A crypto engine holds the keys of your account and sees every message before it is encrypted.",
    FrontEndDescriptor: (
        "A front end sees and does what you can: it reads all messages and contacts, writes in your name, and can end "
        "the account. One with a program of its own is given your passphrase where you type it there."
    ),
}
"""By descriptor."""

ALL: Final = (
    "That is what its contract gives it. It runs in the process that holds the keys, with all that you may do on this "
    "machine: nothing keeps a malicious one from taking more."
)
"""What holds for every plugin."""

UNTOLD: Final = (
    "It is not imported, so nothing can be told of it. Once enabled, it runs in the process that holds the keys."
)
"""What is told of a plugin that is not enabled or broken."""


def uses_of(descriptors: tuple[Descriptor, ...]) -> tuple[str, ...]:
    """Return the sentences for what a plugin registers."""
    told = [USES[type(each)] for each in descriptors]
    return (*dict.fromkeys(told), ALL) if told else (UNTOLD,)
