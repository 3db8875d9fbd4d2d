"""Who is at the other end of a local socket, as the system says: the same user, or nobody we talk to."""

import ctypes
import os
import socket
import struct

from balchat_host.api.errors import SocketUnusable


def check_peer(connected: socket.socket) -> None:
    """Raise SocketUnusable unless the process at the other end runs as the same user as this one."""
    try:
        uid = peer_uid(connected)
    except OSError as error:
        raise SocketUnusable(problem=f"the system does not say who is at the other end: {error.strerror}") from error
    if uid != os.geteuid():
        raise SocketUnusable(problem="the program at the other end belongs to another user")


def peer_uid(connected: socket.socket) -> int:
    """Return the effective user id of the process that connected, or that listens (unix(7), getpeereid(3))."""
    if hasattr(socket, "SO_PEERCRED"):
        credentials = struct.Struct("=iII")
        octets = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
        return credentials.unpack(octets)[1]
    return _getpeereid(connected)


def _getpeereid(connected: socket.socket) -> int:
    # Where there is no SO_PEERCRED (macOS, the BSDs) the C library has this, and Python has no name for it.
    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    library = ctypes.CDLL(None, use_errno=True)
    if library.getpeereid(connected.fileno(), ctypes.byref(uid), ctypes.byref(gid)) != 0:
        raise OSError(ctypes.get_errno(), "getpeereid failed")
    return uid.value
