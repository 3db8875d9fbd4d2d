"""Every error that balchat tells anybody about, in one tree.

The class docstring *is* the message that a person sees; `{words}` in it are filled from the keyword
arguments. Three siblings say whose fault it is: `CallerError` (you did wrong), `PeerError` (the other side
did wrong), `WorldError` (the machine, the network or another program failed).

`code` names an error on the local socket and in `--json` output; `exit_code` is the command line's.
Both are stable. An error crosses the socket as its code and its fields, and comes out as itself.
"""

from inspect import cleandoc
from typing import ClassVar, Final

type_registry: Final[dict[str, type["BalchatError"]]] = {}
"""All error classes by their code; `error_from` looks here."""


class BalchatError(Exception):
    """Something failed."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" in cls.__dict__:
            type_registry[cls.code] = cls

    def __init__(self, **fields: str | int) -> None:
        self.fields = fields
        super().__init__(fields)

    def __str__(self) -> str:
        text = " ".join(cleandoc(type(self).__doc__ or "").split())
        return text.format_map(_Blank(self.fields))


class _Blank(dict[str, str | int]):
    """A field that nobody filled shows its own name instead of failing inside an error message."""

    def __missing__(self, key: str) -> str:
        return f"({key})"


def error_from(code: str, fields: dict[str, str | int]) -> BalchatError:
    """Rebuild an error from its code and fields, as they came over the local socket."""
    return type_registry.get(code, UnknownError)(**fields | {"code": code})


class UnknownError(BalchatError):
    """The running balchat reported an error that this version does not know: {code}. Use the same version for both."""

    code = "unknown"


class InternalError(BalchatError):
    """balchat itself failed ({kind}). Nothing was lost; please report this with what you did before it."""

    code = "internal"


# -- you did wrong -------------------------------------------------------------------------------------


class CallerError(BalchatError):
    """What was asked for cannot be done."""

    exit_code = 3


class BadInput(CallerError):
    """{what}: {problem}"""

    code = "bad-input"


class BadOnionAddress(CallerError):
    """This is no onion address: {problem}."""

    code = "bad-onion-address"


class BadChatCode(CallerError):
    """This chat code cannot be right: {problem}. Ask for it again, or copy it whole."""

    code = "bad-chat-code"


class BadRelayAddress(CallerError):
    """This is no relay's address: {problem}. One begins with balchat-relay: and comes from the relay's operator."""

    code = "bad-relay-address"


class NoRelayTransport(CallerError):
    """No transport in use has relays to manage. transport_relay has: enable it in plugins.enabled, with another
    delivery.policy than "direct-only".
    """

    code = "no-relay-transport"


class OwnChatCode(CallerError):
    """This is your own chat code. Give it to somebody else, and add theirs here."""

    code = "own-chat-code"


class BadPassphraseFile(CallerError):
    """The passphrase file cannot be used: {problem}."""

    code = "bad-passphrase-file"


class WeakPassphrase(CallerError):
    """This passphrase is too weak: {problem}."""

    code = "weak-passphrase"


class TextTooLong(CallerError):
    """This message has {size} octets; at most {limit} fit in one. Send it in parts."""

    code = "text-too-long"


class NoSuch(CallerError):
    """There is no {kind} {name}."""

    exit_code = 5


class NoSuchContact(NoSuch):
    """No contact is called {name}. `balchat contacts list` shows them."""

    code = "no-such-contact"


class NoSuchFile(NoSuch):
    """No file, or more than one, has the id {name} here. `balchat files list` shows them."""

    code = "no-such-file"


class NoSuchConversation(NoSuch):
    """No conversation, or more than one, is called {name}. `balchat conversations list` shows them."""

    code = "no-such-conversation"


class NoSuchRequest(NoSuch):
    """No contact request is waiting under {name}. `balchat requests list` shows them."""

    code = "no-such-request"


class NotOffered(CallerError):
    """The running balchat does not offer {name}. It may be older than this program: end it and start the newer one."""

    code = "not-offered"


class NoSuchRelay(NoSuch):
    """No relay, or more than one, begins with {name}. `balchat relay list` shows them."""

    code = "no-such-relay"


class NoSuchMessage(NoSuch):
    """No message has the id {name} here."""

    code = "no-such-message"


class NoSuchProfile(NoSuch):
    """There is no account in the profile {name}. `balchat init` makes one."""

    code = "no-such-profile"


class NoSuchProgram(NoSuch):
    """balchat has no command {name}, and no front end that is installed brings one: its plugin would be ui_{name}.
    `balchat --help` shows what there is.
    """

    code = "no-such-program"


class NoSuchPlugin(NoSuch):
    """No plugin is called {name}. `balchat plugins list` shows what is installed."""

    code = "no-such-plugin"


class NoSuchSetting(NoSuch):
    """There is no setting {name}. `balchat settings list` shows them all."""

    code = "no-such-setting"


class NameTaken(CallerError):
    """The name {name} is taken already. Choose another name."""

    code = "name-taken"


class AlreadyAContact(CallerError):
    """This person is already among your contacts, as {name}."""

    code = "already-a-contact"


class ContactBlocked(CallerError):
    """{name} is blocked. `balchat contacts unblock` first, to talk again."""

    code = "contact-blocked"


class SafetyNumberDiffers(CallerError):
    """The safety number does not match the one of {name}. Compare again over a channel that you trust; until then
    do not take this contact for verified."""

    code = "safety-number-differs"


class AccountExists(CallerError):
    """The profile {name} already has an account. Nothing was changed; choose another name for another account."""

    code = "account-exists"


class CursorTooOld(CallerError):
    """The events from cursor {cursor} on are no longer kept; the oldest is {oldest}."""

    code = "cursor-too-old"


class TooMany(CallerError):
    """There are already {limit} {what}, which is the limit. Remove some first."""

    code = "too-many"


class VaultError(CallerError):
    """The vault cannot be opened."""

    exit_code = 4


class WrongSecret(VaultError):
    """This {slot} does not open the vault. Nothing was changed; try again."""

    code = "wrong-secret"


class VaultInUse(VaultError):
    """Another balchat command is using this account. Try again when it has ended; `balchat status` shows whether the
    account is up, and `balchat down` ends it.
    """

    code = "vault-in-use"


class VaultExposed(VaultError):
    """Others could read or change the vault's files: {problem}. It was not opened. Make the folder and the files your
    own, with the modes 0700 and 0600, after making sure that nobody has touched them.
    """

    code = "vault-exposed"


class NotRunning(CallerError):
    """balchat is not running for this profile. `balchat up` starts it."""

    code = "not-running"
    exit_code = 6


class AccountLocked(CallerError):
    """The account locked itself after {minutes} min without use. `balchat up` unlocks it."""

    code = "account-locked"
    exit_code = 6


class AlreadyRunning(CallerError):
    """balchat is already running for this profile. `balchat status` shows it, `balchat down` ends it."""

    code = "already-running"
    exit_code = 6


class RunningUnreachable(CallerError):
    """balchat is running for this profile, as process {process}, but its socket in {directory} cannot be reached from
    here. It makes a lost one again within seconds; if that does not help, `balchat down` ends it.
    """

    code = "running-unreachable"
    exit_code = 6


class RunningElsewhere(CallerError):
    """balchat is running for this profile in another container, or as somebody else, with its socket in {directory}.
    It can be reached and ended only from there.
    """

    code = "running-elsewhere"
    exit_code = 6


class ConfigurationError(CallerError):
    """{file}: {key}: {problem}. Allowed: {allowed}."""

    code = "configuration"
    exit_code = 8


class ConfigurationLocked(ConfigurationError):
    """{file}: {key} is fixed by {lock} and cannot be changed here."""

    code = "configuration-locked"


class SettingLocked(ConfigurationError):
    """{key} is fixed by {lock} and cannot be changed here."""

    code = "setting-locked"


class SettingNotWritable(ConfigurationError):
    """{key} cannot be changed from here, since it decides what runs, or what others may do. Set it in {file} by hand,
    and start balchat again.
    """

    code = "setting-not-writable"


class PluginError(CallerError):
    """The plugin {plugin} ({distribution}) cannot be used: {problem}."""

    code = "plugin"
    exit_code = 9


# -- the peer did wrong --------------------------------------------------------------------------------


class PeerError(BalchatError):
    """The other side broke the protocol."""

    exit_code = 11


class ProtocolViolation(PeerError):
    """The other side broke the protocol: {problem}."""

    code = "protocol-violation"


class MalformedEnvelope(PeerError):
    """An envelope could not be read: {problem}."""

    code = "malformed-envelope"


class MalformedContent(PeerError):
    """A message's content could not be read: {problem}."""

    code = "malformed-content"


class FileUnavailable(PeerError):
    """{name} cannot be had: {problem}."""

    code = "file-unavailable"


class PartRefused(PeerError):
    """What came of a file is not what was offered: {problem}."""

    code = "part-refused"


class PictureUnreadable(CallerError):
    """{name} cannot be read as a picture: {problem}. You can send it as it is, with all that it holds
    (`--as-is`).
    """

    code = "picture-unreadable"


class VoiceUnreadable(CallerError):
    """{name} cannot be played: {problem}."""

    code = "voice-unreadable"


class NoPreview(CallerError):
    """{name} has no preview."""

    code = "no-preview"


class PicturesMissing(CallerError):
    """Pictures need two libraries that are not installed: `pip install "balchat-host[pictures]"`. Until then a picture
    can be sent with `--as-is` alone, with its metadata, and has no preview.
    """

    code = "pictures-missing"


class VoiceMissing(CallerError):
    """Voice messages need libraries that are not installed: `pip install "balchat-host[voice]"`."""

    code = "voice-missing"


class FileUnreadable(PeerError):
    """The file cannot be opened: its sender sealed it wrongly. Ask them to send it again."""

    code = "file-unreadable"


class BadCredential(PeerError):
    """The other side's MLS credential is not bound to its identity key: {problem}."""

    code = "bad-credential"


class CryptoRejected(PeerError):
    """MLS refused what the other side sent: {problem}."""

    code = "crypto-rejected"


class UnsupportedMls(CryptoRejected):
    """The other side uses a version, cipher suite or extensions of MLS that are not used here: {problem}."""

    code = "unsupported-mls"


class TooFarAhead(CryptoRejected):
    """A message came so far ahead of others from the same device, which are missing, that it cannot be read yet."""

    code = "too-far-ahead"


class RequestsFull(PeerError):
    """Too many contact requests are waiting or came lately; this one was turned away. It may come again later."""

    code = "requests-full"


class PeerUnreachable(PeerError):
    """The other side cannot be reached now: {problem}."""

    code = "peer-unreachable"


# -- the world failed ----------------------------------------------------------------------------------


class WorldError(BalchatError):
    """Something outside balchat failed."""

    exit_code = 7


class NetworkUnavailable(WorldError):
    """The network is not available: {problem}. {remedy}"""

    code = "network-unavailable"


class TorMissing(NetworkUnavailable):
    """No tor program was found ({problem}). Install it (on Debian: apt install tor), or set
    settings.network_tor.tor to its path.
    """

    code = "tor-missing"


class TorTooOld(NetworkUnavailable):
    """tor {version} is too old; {minimum} or newer is needed. Install a newer tor, or set settings.network_tor.tor
    to one.
    """

    code = "tor-too-old"


class TorControlRefused(NetworkUnavailable):
    """tor's control port refused us: {problem}. Check settings.network_tor.control and its cookie or password."""

    code = "tor-control-refused"


class TorCannotBootstrap(NetworkUnavailable):
    """tor cannot reach its network: {problem}. Check the connection and the clock; where Tor is blocked, set
    settings.network_tor.bridges."""

    code = "tor-cannot-bootstrap"


class RelayUnusable(WorldError):
    """The relay cannot be used: {problem}. {remedy}"""

    code = "relay-unusable"


class SoundFailed(WorldError):
    """Sound cannot be recorded or played here: {problem}. See that a microphone or a loudspeaker is connected, and that
    no other program keeps it.
    """

    code = "sound-failed"


class VaultDamaged(WorldError):
    """The vault is damaged: {problem}. It was left as it is. Restore a backup, or copy the file away before trying
    anything.
    """

    code = "vault-damaged"
    exit_code = 12


class VaultTooNew(WorldError):
    """The vault was written by a newer balchat (format {found}; this one knows {known}). It was left as it is;
    install the newer version."""

    code = "vault-too-new"
    exit_code = 12


class VaultRolledBack(VaultDamaged):
    """Part of the vault is older than the rest: {problem}. Somebody or something put back old data. It was left as
    it is; restore a whole backup."""

    code = "vault-rolled-back"


class LibraryTooOld(WorldError):
    """{library} {version} is too old to be safe; {minimum} or newer is needed. Install it."""

    code = "library-too-old"


class StorageFull(WorldError):
    """The disk is full. Nothing that was accepted is lost; free some room and try again."""

    code = "storage-full"


class NoRoom(WorldError):
    """The disk has no room for {name}: it takes {needed}, and {free} are free besides what is kept for the account.
    Free some room and try again.
    """

    code = "no-room"


class StorageFailed(WorldError):
    """The disk failed: {problem}."""

    code = "storage-failed"


class OutputUnwritable(WorldError):
    """Standard output cannot be written: {problem}. {done}"""

    code = "output-unwritable"


class TimedOut(WorldError):
    """It did not happen within {seconds} s: {what}."""

    code = "timed-out"
    exit_code = 10


class CommandFailed(WorldError):
    """The command for the event {cursor} failed {tries} times, and {how} at last. The event is not confirmed and comes
    again; mend the command and begin again.
    """

    code = "command-failed"


class MessageFailed(WorldError):
    """The message could not be delivered: {problem}."""

    code = "message-failed"


class ConnectionLost(WorldError):
    """The connection to the running balchat was lost. `balchat status` shows whether it still runs."""

    code = "connection-lost"
    exit_code = 6


class SocketUnusable(WorldError):
    """The local socket of balchat cannot be used: {problem}."""

    code = "socket-unusable"
    exit_code = 6
