"""What the resource limits give. The network and reading of files are closed by later work, not here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from havre.reading.cage import MAX_DESCRIPTORS
from havre.reading.client import ReadingServer
from havre.reading.kinds import Kind
from tests.reading import processes, samples

INSIDE = """
import json, mmap, os, sys
from havre.reading import cage
from havre.reading.readings import Limits
if os.geteuid() == 0:
    os.setuid(65534)  # RLIMIT_NPROC does not bind root
report = {}
def attempt(name, do):
    try:
        do()
    except (OSError, MemoryError) as error:
        report[name] = type(error).__name__ + " " + str(getattr(error, "errno", ""))
    else:
        report[name] = "allowed"
def write():
    with open(sys.argv[1], "wb") as file:
        file.write(b"clear")
def fork():
    if os.fork() == 0:
        os._exit(0)
cage.confine(Limits(), parent=os.getppid())
attempt("write", write)
attempt("fork", fork)
attempt("500 MB", lambda: mmap.mmap(-1, 500 << 20).close())
attempt("520 MB", lambda: mmap.mmap(-1, 520 << 20).close())
attempt("descriptors", lambda: [os.dup(1) for _ in range(17)])
report["dumpable"] = cage._libc.prctl(3)
report["no new privileges"] = cage._libc.prctl(39, 0, 0, 0, 0)
report["own session"] = os.getsid(0) == os.getpid()
print(json.dumps(report))
"""

STREAMS = """
import os, sys
from havre.reading import cage
kept, told = os.pipe()[1], os.dup(1)
os.pipe(), os.pipe()
cage.keep_only(told)
os.write(cage.DATA_FD, " ".join(sorted(os.listdir("/proc/self/fd"))).encode())
"""


def run(code: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, timeout=20
    ).stdout


def test_a_caged_process_cannot_write_fork_or_grow() -> None:
    file = Path(f"/dev/shm/havre-reading-test-{os.getpid()}")  # noqa: S108  # writable by any user
    report: dict[str, Any] = json.loads(run(INSIDE, str(file)))
    file.unlink()  # it could be created, and stayed empty
    assert report == {
        "write": "OSError 27",  # EFBIG
        "fork": "BlockingIOError 11",  # EAGAIN
        "500 MB": "allowed",
        "520 MB": "OSError 12",  # ENOMEM
        "descriptors": "OSError 24",  # EMFILE
        "dumpable": 0,
        "no new privileges": 1,
        "own session": True,
    }


def test_a_caged_process_keeps_one_descriptor_beside_the_empty_streams() -> None:
    assert run(STREAMS).split() == ["0", "1", "2", "3", "4"]  # 4 is the listing itself


def test_the_child_that_reads_is_in_the_cage(own_server: ReadingServer) -> None:
    seen = {}

    def look() -> None:
        child = processes.only_child(own_server.pid)
        names = ("Max file size", "Max open files", "Max cpu time", "Max core file size", "Max processes")
        assert processes.comes_true(lambda: processes.limit(child, "Max address space") != "unlimited")
        seen.update({name: processes.limit(child, name) for name in names})

    own_server.read_pages(samples.then(samples.photo(), look), Kind.JPEG)
    assert list(seen.values()) == ["0", str(MAX_DESCRIPTORS), "8", "0", "0"]


def test_no_decoder_is_loaded_beside_the_client() -> None:
    code = "import sys, havre.reading.client; print([m for m in sys.modules if m in ('PIL', 'pypdfium2')])"
    assert run(code).strip() == "[]"
