"""tor's control port (control-spec), through stem: the only module that knows stem.

stem is hardly maintained, carries no types and blocks; nothing of it leaves this module, and everything here is to
be called from worker threads. Callbacks are called from a thread of stem's.
"""

import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import stem  # pyright: ignore[reportMissingTypeStubs]  # stem carries no types
import stem.connection  # pyright: ignore[reportMissingTypeStubs]  # see above
import stem.control  # pyright: ignore[reportMissingTypeStubs]  # see above
import stem.socket  # pyright: ignore[reportMissingTypeStubs]  # see above

from balchat_host.api.errors import NetworkUnavailable, TorControlRefused
from balchat_host.api.types import Secret
from balchat_network_tor.addresses import ControlAddress, TcpAddress

# stem hands every line of the control connection to the log, the ADD_ONION with its key among them, and a handler
# of the root logger would take it whatever its level. So stem logs nothing.
_stem_log = logging.getLogger("stem")
_stem_log.disabled = True
_stem_log.propagate = False

MAX_STREAMS_PER_CIRCUIT: Final = 64
"""Streams that one rendezvous circuit may open; tor closes a circuit that asks for more."""

_QUIT_WITHIN: Final = 1.0
_CLOSED: Final = "Closed"
"""What stem calls the state of a connection that ended."""

_STATUS_EVENTS: Final = ("STATUS_CLIENT", "STATUS_GENERAL", "NETWORK_LIVENESS", "ORCONN")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """Something about tor's state changed: ask for it again."""


class DescriptorAction(StrEnum):
    """What HS_DESC tells of a descriptor of ours. A directory's answers do not say of which one."""

    CREATED = "CREATED"
    UPLOAD = "UPLOAD"
    UPLOADED = "UPLOADED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorChanged:
    """Something became of a descriptor of an onion (HS_DESC): tor made it, sends it, or a directory has answered.

    `service` is the address without `.onion`, `descriptor` the descriptor's id (CREATED, UPLOAD), and `directory` the
    fingerprint of the one to which it goes (all but CREATED).
    """

    action: DescriptorAction
    service: str
    descriptor: str = ""
    directory: str = ""


_DESCRIPTOR_ACTIONS: Final = frozenset(DescriptorAction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlClosed:
    """The control connection ended: tor stopped, or we closed it."""


ControlEvent: TypeAlias = StatusChanged | DescriptorChanged | ControlClosed


class ControlFailure(NetworkUnavailable):
    """The network is not available: {problem}. {remedy}"""  # noqa: D400  # the remedy has the full stop

    def __init__(self, command: str, error: object) -> None:
        super().__init__(
            problem=f"tor did not do what {command} asked for ({error})",
            remedy="It is tried again by itself; if this stays, use another version of tor.",
        )


class Control:
    """One authenticated control connection. Every method blocks; all but `close` raise ControlFailure."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self._ended = threading.Event()
        controller.add_status_listener(self._status_changed)

    @classmethod
    def connect(cls, address: ControlAddress, *, password: Secret | None = None) -> Self:
        """Connect and authenticate by what tor offers: nothing, the password, its cookie. Raise TorControlRefused."""
        try:
            controller: Any = stem.control.Controller(_socket(address))
        except stem.SocketError as error:
            raise TorControlRefused(problem=f"nothing answers there ({error})") from error
        try:
            controller.authenticate(password=None if password is None else password.reveal().decode())
        except (stem.connection.AuthenticationFailure, stem.ControllerError) as error:
            controller.close()
            raise TorControlRefused(problem=_refusal(error)) from error
        return cls(controller)

    def information(self, keyword: str) -> str:
        """Ask one thing (GETINFO)."""
        return self.all_information([keyword])[keyword]

    def all_information(self, keywords: Sequence[str]) -> Mapping[str, str]:
        """Ask several things at the same moment (GETINFO)."""
        try:
            return self._controller.get_info(list(keywords))
        except stem.ControllerError as error:
            raise ControlFailure("GETINFO", error) from error

    def socks_address(self) -> TcpAddress | None:
        """Ask where tor's first SOCKS port on TCP is; None where it has none."""
        for listener in self.information("net/listeners/socks").split():
            host, _, port = listener.strip('"').rpartition(":")
            if port.isdecimal():
                return host, int(port)
        return None

    def set_options(self, options: Mapping[str, str]) -> None:
        """Change settings of the running tor, all or none (SETCONF)."""
        try:
            self._controller.set_options(dict(options))
        except stem.ControllerError as error:
            raise ControlFailure("SETCONF", error) from error

    def take_ownership(self) -> None:
        """Make tor exit when this connection ends (TAKEOWNERSHIP)."""
        try:
            reply = self._controller.msg("TAKEOWNERSHIP")
        except stem.ControllerError as error:
            raise ControlFailure("TAKEOWNERSHIP", error) from error
        if not reply.is_ok():
            raise ControlFailure("TAKEOWNERSHIP", reply)

    def listen(self, callback: Callable[[ControlEvent], None]) -> None:
        """Call `callback` for every event from now on, and once with ControlClosed."""

        def closed(_controller: object, state: object, _time: object) -> None:
            if state == _CLOSED:
                callback(ControlClosed())

        def status_changed(_event: object) -> None:
            callback(StatusChanged())

        def circuit(event: Any) -> None:
            if event.purpose == "HS_SERVICE_INTRO":
                callback(StatusChanged())

        def descriptor(event: Any) -> None:
            # What the FAILED of a descriptor that we looked for names is its id.
            if event.action in _DESCRIPTOR_ACTIONS and not (event.action == "FAILED" and event.descriptor_id):
                callback(
                    DescriptorChanged(
                        action=DescriptorAction(event.action),
                        service=event.address,
                        descriptor=event.descriptor_id or "",
                        directory=event.directory_fingerprint or "",
                    )
                )

        try:
            self._controller.add_status_listener(closed)
            self._controller.add_event_listener(status_changed, *_STATUS_EVENTS)
            self._controller.add_event_listener(circuit, "CIRC", "CIRC_MINOR")
            self._controller.add_event_listener(descriptor, "HS_DESC")
        except stem.ControllerError as error:
            raise ControlFailure("SETEVENTS", error) from error

    def add_onion(self, key_blob: Secret, targets: Mapping[int, str]) -> None:
        """Publish an onion for as long as this connection lives (ADD_ONION, neither detached nor written anywhere).

        `key_blob` is the base64 of the expanded Ed25519 key, `targets` says for each virtual port where its streams go.
        """
        try:
            self._controller.create_ephemeral_hidden_service(
                dict(targets),
                key_type="ED25519-V3",
                key_content=key_blob.reveal().decode(),
                discard_key=True,
                max_streams=MAX_STREAMS_PER_CIRCUIT,
            )
        except stem.ControllerError as error:
            raise ControlFailure("ADD_ONION", error) from None  # stem's own would keep the key in its frame

    def remove_onion(self, service: str) -> None:
        """Take an onion back (DEL_ONION); one that is not there is not an error."""
        try:
            self._controller.remove_ephemeral_hidden_service(service)
        except stem.ControllerError as error:
            raise ControlFailure("DEL_ONION", error) from error

    def build_circuit(self, path: Sequence[str]) -> str:
        """Build a circuit through the relays with these fingerprints (EXTENDCIRCUIT); return its id at once."""
        try:
            return self._controller.extend_circuit("0", list(path))
        except stem.ControllerError as error:
            raise ControlFailure("EXTENDCIRCUIT", error) from error

    def close_circuit(self, circuit: str) -> None:
        """Close a circuit (CLOSECIRCUIT); one that is already gone is not an error."""
        try:
            self._controller.close_circuit(circuit)
        except stem.InvalidArguments:
            return
        except stem.ControllerError as error:
            raise ControlFailure("CLOSECIRCUIT", error) from error

    def close(self) -> None:
        """End the connection. Calling it twice is harmless."""
        # stem's reader dies loudly when its socket is closed under it. So tor is asked to close, and soon does, unless
        # it hangs.
        try:
            self._controller.get_socket().send("QUIT")
            self._ended.wait(_QUIT_WITHIN)
        except stem.ControllerError:
            pass  # it is closed already
        self._controller.close()

    def _status_changed(self, _controller: object, state: object, _time: object) -> None:
        if state == _CLOSED:
            self._ended.set()


class _File(stem.socket.ControlSocketFile):
    def _make_socket(self) -> socket.socket:
        return _connected(socket.AF_UNIX, self.path)


class _Port(stem.socket.ControlPort):
    def _make_socket(self) -> socket.socket:
        return _connected(socket.AF_INET, (self.address, self.port))


def _socket(address: ControlAddress) -> Any:
    """Connect to tor, through a class of stem's. Raise SocketError."""
    return _File(str(address)) if isinstance(address, Path) else _Port(*address)


def _connected(family: socket.AddressFamily, address: Any) -> socket.socket:
    """Return a connected socket. Raise SocketError. stem's own way would leave it open where nothing answers."""
    made = socket.socket(family)
    try:
        made.connect(address)
    except OSError as error:
        made.close()
        raise stem.SocketError(error.strerror) from error
    return made


def _refusal(error: Exception) -> str:
    """Say in plain words why authentication failed; stem's texts name files and internals."""
    match error:
        case stem.connection.MissingPassword():
            return "it wants a password, and settings.network_tor.control_password is empty"
        case stem.connection.PasswordAuthFailed():
            return "it does not accept the password"
        case stem.connection.UnreadableCookieFile():
            return "this user may not read its cookie file"
        case stem.connection.CookieAuthFailed():
            return "it does not accept its cookie"
        case stem.connection.IncorrectSocketType():
            return "what answers there is not a tor control port"
        case _:
            return "it offers no way to authenticate that we know"
