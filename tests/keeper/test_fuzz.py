"""The keeper's protocol against what could be sent to it: no crash, and no answer without a right.

SEED repeats the choices of a run, FUZZ is its length in seconds, and AGAIN holds one conversation once more, as a
failure gives it.
"""

import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from havre.keeper import protocol
from havre.keeper.protocol import Call, Refusal
from tests.keeper.conversation import Conversations
from tests.keeper.fuzzing import Search

KEEPER = Path(protocol.__file__).parent
NOT_HERE = {Refusal.DAMAGED, Refusal.BUSY, Refusal.STORE, Refusal.STANDBY}  # no question alone leads to these


@pytest.fixture
def conversations() -> Iterator[Conversations]:
    """In memory where the machine can."""
    memory = Path("/dev/shm")  # noqa: S108
    folder = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
    with folder as base, Conversations(Path(base)) as all_of_them:
        yield all_of_them


@pytest.mark.slow
def test_fuzzing_finds_no_crash_and_no_answer_without_a_right(
    conversations: Conversations, campaign: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    conversations.hold(bytes.fromhex(os.environ.get("AGAIN", "")))
    seed = os.environ.get("SEED") or (secrets.token_hex(4) if campaign else "1")
    search = Search(conversations.hold, KEEPER, random.Random(seed))
    search.run(float(os.environ.get("FUZZ", 600 if campaign else 10)))
    if campaign:
        with capsys.disabled():
            print(
                f"\nfuzzing (SEED={seed}): {conversations.questions} questions in {search.tries} conversations,"
            )
            print(f"of which {len(search.kept)} were kept. Lines of functions that were never run:")
            for name in ("calls.py", "protocol.py"):
                print(f"    {name}: {search.reached.never(KEEPER / name)}")
    assert conversations.answered == set(Call)
    assert conversations.refused > set(Refusal) - NOT_HERE
