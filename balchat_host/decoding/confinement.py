"""Takes from this process whatever a decoder does not need.

Limits of the system hold everywhere: memory, processor time, no new file, pipe or socket, no file that grows, no core
dump. On Linux (x86-64, ARM64) a filter of system calls (seccomp) is added, which knows the few that are allowed: what
is not among them fails, so that files, sockets, programs and other processes are out of reach even of code that a
broken decoder was made to run. What cannot be set is left out; `confine` returns what holds.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

MEMORY: Final = 2 * 2**30
"""Octets of address space: what 50 megapixels take as WebP, decoded, turned and encoded."""
PROCESSOR_TIME: Final = 60
"""Seconds, for what our owner has chosen: cleaning 50 megapixels may take most of them on a slow machine."""
OTHERS_PROCESSOR_TIME: Final = 20
"""Seconds, for what somebody else has sent: many may be shown at once, each made to take all of them."""

_SET_NO_NEW_PRIVILEGES: Final = 38
_SET_SECCOMP: Final = 22
_SET_PARENT_DEATH_SIGNAL: Final = 1
_FILTER: Final = 2
_KILL_SIGNAL: Final = 9

_LOAD_WORD: Final = 0x20
_JUMP_IF_EQUAL: Final = 0x15
_RETURN: Final = 0x06
_NUMBER_OFFSET: Final = 0
_ARCHITECTURE_OFFSET: Final = 4
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001
"""The call fails with EPERM."""
_KILL: Final = 0x80000000

# fmt: off
_CALLS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType({
    # name: its number on x86-64 and on ARM64
    "brk": (12, 214), "clock_gettime": (228, 113), "clock_nanosleep": (230, 115), "close": (3, 57), "exit": (60, 93),
    "exit_group": (231, 94), "fstat": (5, 80), "futex": (202, 98), "getpid": (39, 172), "getrandom": (318, 278),
    "getrusage": (98, 165), "gettid": (186, 178), "gettimeofday": (96, 169), "lseek": (8, 62), "madvise": (28, 233),
    "mmap": (9, 222), "mprotect": (10, 226), "mremap": (25, 216), "munmap": (11, 215), "read": (0, 63),
    "rseq": (334, 293), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123), "sched_yield": (24, 124), "set_robust_list": (273, 99), "sigaltstack": (131, 132),
    "sysinfo": (99, 179), "write": (1, 64), "writev": (20, 66),
})
# fmt: on
_ARCHITECTURES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
)
"""By the name of the machine: its number in a filter, and its column in `_CALLS`."""


def confine(*, memory: int = MEMORY, processor_time: int = PROCESSOR_TIME) -> Sequence[str]:
    """Give up what is not needed, for good. Call it when all modules are loaded, and before anything is read."""
    holds = ["limits"] if _limit(memory, processor_time) else []
    if sys.platform == "linux" and _filter_calls():
        holds.append("seccomp")
    return holds


def _limit(memory: int, processor_time: int) -> bool:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: processor_time,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        # No descriptor with a number of 0 or more can be made: no file, no pipe, no socket.
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_AS: memory,
    }
    whole = True
    for kind, most in limits.items():
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # a system that knows no such limit
            whole = False
    os.nice(10)
    return whole


def _filter_calls() -> bool:
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return False
    library = ctypes.CDLL(None)
    program = _program(*architecture)
    octets = ctypes.create_string_buffer(program)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))

    filters = Program(len(program) // 8, ctypes.addressof(octets))
    library.prctl(_SET_PARENT_DEATH_SIGNAL, _KILL_SIGNAL, 0, 0, 0)
    return (
        library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
        and library.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(filters), 0, 0) == 0
    )


def _program(architecture: int, column: int) -> bytes:
    """Return a filter as the kernel reads it (seccomp(2), struct sock_filter)."""

    def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    program = [
        instruction(_LOAD_WORD, _ARCHITECTURE_OFFSET),
        instruction(_JUMP_IF_EQUAL, architecture, if_true=1),
        instruction(_RETURN, _KILL),
        instruction(_LOAD_WORD, _NUMBER_OFFSET),
    ]
    for numbers in _CALLS.values():
        program += [instruction(_JUMP_IF_EQUAL, numbers[column], if_false=1), instruction(_RETURN, _ALLOW)]
    return b"".join([*program, instruction(_RETURN, _REFUSE)])
