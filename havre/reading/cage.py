"""What closes on a child before it touches a document. Linux only.

Resource limits, a session of its own, no new privileges, not dumpable, killed when the server dies, and no
descriptor but the one it answers on. RLIMIT_NPROC does not bind root: the server must not run as root.
"""

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

from havre.reading.readings import Limits

MAX_DESCRIPTORS = 16
DATA_FD = 3

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


def keep_only(descriptor: int) -> None:
    """Leave open `descriptor`, moved to DATA_FD, and /dev/null as the three standard streams."""
    null = os.open(os.devnull, os.O_RDWR)
    moved = os.dup(descriptor)
    for stream in range(3):
        os.dup2(null, stream)
    os.dup2(moved, DATA_FD)
    os.closerange(DATA_FD + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def confine(limits: Limits, *, parent: int) -> None:
    """Close the cage on this process, for good. Raises OSError where the kernel refuses.

    `parent` is the server's pid; a server that died before this call leaves no child behind.
    """
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for name, soft, hard in _resource_limits(limits):
        resource.setrlimit(name, (soft, hard))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), *(ctypes.c_ulong(0),) * 3) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _resource_limits(limits: Limits) -> Iterator[tuple[int, int, int]]:
    """Address space comes last: it is counted from what is mapped once everything else is done."""
    yield resource.RLIMIT_CORE, 0, 0
    yield resource.RLIMIT_FSIZE, 0, 0
    yield resource.RLIMIT_NPROC, 0, 0
    yield resource.RLIMIT_NOFILE, MAX_DESCRIPTORS, MAX_DESCRIPTORS
    yield resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1  # SIGXCPU, then SIGKILL
    address_space = mapped_bytes() + limits.memory
    yield resource.RLIMIT_AS, address_space, address_space


def mapped_bytes() -> int:
    """The address space of this process: RLIMIT_AS counts what the warm server had mapped before the fork."""
    return _statm(0)


def resident_bytes() -> int:
    """The memory of this process now; its ru_maxrss would count whoever started it."""
    return _statm(1)


def _statm(column: int) -> int:
    """A column of proc(5) statm, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[column]) * resource.getpagesize()
