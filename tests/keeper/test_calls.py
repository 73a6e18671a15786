"""The calls: what each gives, what each refuses, and what the journal says of it."""

import json
import os
import threading
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from havre.core.keeper_client import KeeperClient
from havre.keeper import keys
from havre.keeper.keys import FORWARD
from havre.keeper.places import CannotStart
from havre.keeper.protocol import MAX_FACTS, MAX_PAPERS, MAX_SUBJECTS, Call, Refusal
from havre.keeper.store import HOUSE
from tests.keeper.fates import broken, small_files
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    STRANGER,
    WORKER,
    Asking,
    actor,
    answer,
    clone,
    opened,
    payloads,
    record_at,
    refusal,
    wrapped_at,
)

pytestmark = pytest.mark.usefixtures("unsynced")
PROFESSIONAL = actor("professional", CLAIRE)
HERSELF = actor("person", AMINA)
PARTS = sorted(keys.PARTS)
CLASSES = sorted(keys.FIELD_CLASSES)


@pytest.fixture
def house(house: Asking) -> Asking:
    """One that knows Amina and Bruno."""
    house.create(AMINA, BRUNO)
    return house


def told(home: Path) -> list[dict[str, Any]]:
    """The journal's lines."""
    content = b"".join(path.read_bytes() for path in sorted((home / "journal").iterdir()))
    return [json.loads(line.partition(b"\t")[0]) for line in content.splitlines()]


def last(home: Path) -> dict[str, Any]:
    """The journal's last line, without its number and date."""
    return {name: value for name, value in told(home)[-1].items() if name not in ("n", "at")}


# --- keys of papers ---


@pytest.mark.parametrize("part", PARTS)
def test_a_sealed_key_opens_again_and_after_a_restart(home: Path, part: str) -> None:
    with opened(home) as asking:
        asking.create(AMINA)
        dek, wrapped = asking.seal(AMINA, part)
        assert (len(dek), len(wrapped)) == (32, 44)
        assert dek not in wrapped
        assert asking.seal(AMINA, part)[0] != dek
        assert asking.open(AMINA, wrapped, part, HERSELF) == dek
    with opened(home) as asking:
        assert asking.open(AMINA, wrapped, part) == dek


def test_the_private_part_is_refused_to_a_professional_with_an_alarm(house: Asking) -> None:
    _, wrapped = house.seal(AMINA, "private")
    for ask in (
        lambda: house.open(AMINA, wrapped, "private", PROFESSIONAL),
        lambda: house.fields(AMINA, field_class="private", by=PROFESSIONAL),
    ):
        assert refusal(ask) == Refusal.FORBIDDEN
    first, second = house.check()["alarms"]
    assert (first["what"], first["detail"], first["subject"]) == ("forbidden", "open_key", AMINA.hex())
    assert (second["what"], second["detail"]) == ("forbidden", "fields")
    assert first["actor"] == second["actor"] == "professional:00000000-0000-0003-0000-000000000000"


@pytest.mark.parametrize("kind", ["person", "worker", "system"])
def test_the_private_part_opens_for_the_others(house: Asking, kind: str) -> None:
    dek, wrapped = house.seal(AMINA, "private")
    assert house.open(AMINA, wrapped, "private", actor(kind)) == dek
    assert len(house.fields(AMINA, field_class="private", by=actor(kind))[0]) == 33


def test_a_professional_opens_the_shared_part_and_no_private_key_called_shared(house: Asking) -> None:
    dek, shared = house.seal(AMINA)
    _, private = house.seal(AMINA, "private")
    assert house.open(AMINA, shared, "shared", PROFESSIONAL) == dek
    assert refusal(house.open, AMINA, private, "shared", PROFESSIONAL) == Refusal.WRONG_KEY


def test_the_key_of_one_person_opens_for_nobody_else(house: Asking) -> None:
    _, wrapped = house.seal(AMINA)
    assert refusal(house.open, BRUNO, wrapped) == Refusal.WRONG_KEY


@pytest.mark.parametrize("wrapped", [b"", bytes(43), bytes(45), bytes(44), b"\xff" * 44])
def test_a_wrapped_key_that_is_none_is_refused(house: Asking, wrapped: bytes) -> None:
    assert refusal(house.open, AMINA, wrapped) == Refusal.WRONG_KEY


def test_a_papers_key_leaves_once_the_line_that_tells_it_is_on_the_disk(
    house: Asking, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dek, wrapped = house.seal(AMINA)
    synced: list[str] = []
    real = os.fdatasync

    def follow(file: int) -> None:
        synced.append(last(home)["what"])
        real(file)

    monkeypatch.setattr(os, "fdatasync", follow)
    assert house.open(AMINA, wrapped, by=PROFESSIONAL) == dek
    assert synced == ["open_key"]
    assert last(home) == {
        "what": "open_key",
        "outcome": "ok",
        "subject": AMINA.hex(),
        "part": "shared",
        "actor": "professional:00000000-0000-0003-0000-000000000000",
        "purpose": "test",
    }


def test_no_papers_key_leaves_when_the_journal_cannot_be_written(
    house: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    dek, wrapped = house.seal(AMINA)
    with small_files(10):
        assert refusal(house.open, AMINA, wrapped) == Refusal.STORE
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", broken)
        assert refusal(house.open, AMINA, wrapped) == Refusal.STORE
    assert house.open(AMINA, wrapped) == dek


def test_what_was_refused_is_told_with_its_reason(house: Asking, home: Path) -> None:
    refusal(house.open, AMINA, bytes(44))
    assert (last(home)["what"], last(home)["outcome"]) == ("open_key", "wrong_key")
    refusal(house.open, STRANGER, bytes(44))
    assert (last(home)["what"], last(home)["outcome"]) == ("open_key", "unknown")


def test_the_journal_tells_each_call_and_holds_no_key(house: Asking, home: Path) -> None:
    dek, wrapped = house.seal(AMINA)
    answered = [dek, house.open(AMINA, wrapped), *house.fields(AMINA, BRUNO), house.pepper(b"my secret")]
    answered += house.tokens(CLAIRE, b"a fact", b"another")
    house.move_on(AMINA, wrapped)
    house.rotate()
    house.erase(BRUNO)
    what = [line["what"] for line in told(home)]
    assert what == [
        *("start", "create", "create", "seal_key", "open_key", "fields", "pepper", "tokens"),
        *("ratchet", "ratchet_done", "ratchet_done", "rotate", "erase", "erase"),
    ]
    content = b"".join(path.read_bytes() for path in (home / "journal").iterdir())
    for secret in (*answered, b"my secret", b"a fact", wrapped):
        assert secret not in content
        assert secret.hex().encode() not in content
    assert told(home)[5]["subjects"] == (AMINA + BRUNO).hex()
    assert told(home)[7].items() >= {"scope": CLAIRE.hex(), "kind": "name", "count": 2}.items()


# --- creating and erasing ---


def test_creating_again_changes_nothing(house: Asking, home: Path) -> None:
    before, name = (home / "store.log").read_bytes(), house.names(AMINA)
    house.create(AMINA)
    assert (home / "store.log").read_bytes() == before
    assert house.names(AMINA) == name


def test_erasing_is_for_ever_answers_its_day_and_may_be_repeated(
    house: Asking, home: Path, copy: Path
) -> None:
    _, wrapped = house.seal(AMINA)
    house.rotate(2)
    record = record_at(home, 2)
    packed = house.house.store.keys(AMINA).packed()
    assert packed in payloads(home)
    assert house.erase(AMINA) == house.erase(AMINA) == 3
    assert packed not in payloads(home) + payloads(copy)
    assert record[17:] not in (home / "store.log").read_bytes() + (copy / "store.log").read_bytes()
    for ask in (
        lambda: house.create(AMINA),
        lambda: house.seal(AMINA),
        lambda: house.open(AMINA, wrapped),
        lambda: house.names(AMINA),
        lambda: house.ratchet(AMINA, wrapped),
        lambda: house.done(AMINA, 0),
    ):
        assert refusal(ask) == Refusal.ERASED
    assert (house.check()["subjects"], house.check()["erased"], house.check()["ledger"]) == (1, 1, 1)


def test_an_id_erased_before_it_was_known_is_never_created(house: Asking) -> None:
    house.erase(STRANGER)
    assert refusal(house.create, STRANGER) == Refusal.ERASED


def test_an_erasure_in_the_middle_of_a_ratchet_leaves_no_epoch(house: Asking, home: Path, copy: Path) -> None:
    _, wrapped = house.seal(AMINA)
    first = house.house.store.keys(AMINA)
    house.ratchet(AMINA, wrapped)
    house.erase(AMINA)
    left = payloads(home) + payloads(copy)
    assert not [
        one for one in left if first.papers in one or first.ratcheted().papers in one or first.fields in one
    ]


def test_an_erased_id_stays_refused_when_its_tombstone_was_lost(house: Asking) -> None:
    house.erase(AMINA)
    house.house.store._erased.clear()
    assert refusal(house.create, AMINA) == Refusal.ERASED


# --- fields ---


def test_field_keys_are_stable_and_one_for_each_person_and_class(house: Asking) -> None:
    answers = {name: house.fields(AMINA, BRUNO, field_class=name) for name in CLASSES}
    given = [one for pair in answers.values() for one in pair]
    assert len(set(given)) == 2 * len(CLASSES)
    assert {(len(one), one[0]) for one in given} == {(33, 0)}
    assert house.fields(BRUNO, AMINA, field_class="names") == answers["names"][::-1]


def test_a_subject_that_is_gone_hides_no_other_and_says_why(house: Asking) -> None:
    house.erase(AMINA)
    house.house.store._lost.add(CLAIRE)
    gone, known, stranger, lost = house.fields(AMINA, BRUNO, STRANGER, CLAIRE)
    assert (gone, stranger, lost) == (
        bytes([Refusal.ERASED]),
        bytes([Refusal.UNKNOWN]),
        bytes([Refusal.DAMAGED]),
    )
    assert known == b"\0" + house.names(BRUNO)


def test_at_most_a_page_of_subjects_is_opened_at_once(house: Asking) -> None:
    assert len(house.fields(*[AMINA] * MAX_SUBJECTS)) == MAX_SUBJECTS
    assert refusal(house.fields, *[AMINA] * (MAX_SUBJECTS + 1)) == Refusal.MALFORMED
    assert house.fields() == []


# --- tokens and peppers ---


def test_tokens_are_equal_for_equal_facts_of_one_scope_and_kind_only(house: Asking) -> None:
    here = house.tokens(CLAIRE, b"bruno", b"amina", b"bruno")
    assert here[0] == here[2] != here[1]
    assert {len(one) for one in here} == {32}
    assert house.tokens(CLAIRE, b"bruno") == here[:1]
    assert house.tokens(b"", b"bruno") != here[:1]
    assert house.tokens(BRUNO, b"bruno") != here[:1]
    assert house.tokens(CLAIRE, b"bruno", kind=b"phone") != here[:1]
    assert house.tokens(b"") == []


def test_at_most_a_thousand_facts(house: Asking) -> None:
    assert len(house.tokens(b"", *[b"x"] * MAX_FACTS)) == MAX_FACTS
    assert refusal(house.tokens, b"", *[b"x"] * (MAX_FACTS + 1)) == Refusal.MALFORMED


def test_a_pepper_depends_on_its_kind_and_on_no_token_key(house: Asking) -> None:
    assert house.pepper(b"1234") == house.pepper(b"1234") != house.pepper(b"1235")
    assert house.pepper(b"1234", b"answer") != house.pepper(b"1234")
    assert [house.pepper(b"1234", b"name")] != house.tokens(b"", b"1234")


def test_tokens_and_peppers_outlive_restarts_and_re_keyings(home: Path) -> None:
    with opened(home) as asking:
        before = asking.tokens(CLAIRE, b"bruno"), asking.pepper(b"1234")
        asking.rotate(2)
    with opened(home) as asking:
        assert (asking.tokens(CLAIRE, b"bruno"), asking.pepper(b"1234")) == before


def test_two_houses_under_one_root_share_nothing(home: Path, copy: Path) -> None:
    with opened(home) as one, opened(copy) as other:
        assert one.tokens(b"", b"bruno") != other.tokens(b"", b"bruno")
        assert one.pepper(b"1234") != other.pepper(b"1234")


# --- the ratchet ---


def test_while_a_ratchet_is_pending_all_opens_and_after_it_what_was_moved_only(house: Asking) -> None:
    (dek, kept), (_, erased) = house.seal(AMINA), house.seal(AMINA)
    epoch, (moved,) = house.ratchet(AMINA, kept)
    assert epoch == 1
    new_dek, new = house.seal(AMINA)
    for wrapped, wanted in ((kept, dek), (moved, dek), (new, new_dek)):
        assert house.open(AMINA, wrapped) == wanted
    house.done(AMINA, epoch)
    for wrapped, wanted in ((moved, dek), (new, new_dek)):
        assert house.open(AMINA, wrapped) == wanted
    for wrapped in (kept, erased):
        assert refusal(house.open, AMINA, wrapped) == Refusal.WRONG_KEY


def test_both_parts_move_and_the_fields_stay(house: Asking) -> None:
    sealed = {part: house.seal(AMINA, part) for part in PARTS}
    name = house.names(AMINA)
    papers = [field for part in PARTS for field in (part.encode(), sealed[part][1])]
    epoch, *moved = house.keeper.answer(Call.RATCHET, [AMINA, *papers])
    house.keeper.answer(Call.RATCHET_DONE, [AMINA, epoch])
    for part, wrapped in zip(PARTS, moved, strict=True):
        assert house.open(AMINA, wrapped, part) == sealed[part][0]
    assert house.names(AMINA) == name


def test_a_ratchet_may_be_repeated_at_every_step_and_across_restarts(home: Path, copy: Path) -> None:
    with opened(home, copy) as asking:
        asking.create(AMINA)
        dek, first = asking.seal(AMINA)
        assert asking.ratchet(AMINA, first)[0] == 1
    with opened(home, copy) as asking:  # interrupted before its answer was kept
        epoch, (second,) = asking.ratchet(AMINA, first)
        assert epoch == 1
        assert asking.ratchet(AMINA, first, second) == (1, [second, second])
        assert asking.open(AMINA, first) == dek
    with opened(home, copy) as asking:
        asking.done(AMINA, 1)
        asking.done(AMINA, 1)
    with opened(home, copy) as asking:  # the answer to `done` was lost
        asking.done(AMINA, 1)
        assert asking.open(AMINA, second) == dek
        assert refusal(asking.open, AMINA, first) == Refusal.WRONG_KEY
        assert asking.ratchet(AMINA, second)[0] == 2
        assert refusal(asking.done, AMINA, 1) == Refusal.WRONG_KEY
        assert asking.open(AMINA, second) == dek


def test_nothing_is_done_for_another_epoch(house: Asking) -> None:
    dek, wrapped = house.seal(AMINA)
    for epoch in (17, 0xFFFFFFFF):
        assert refusal(house.done, AMINA, epoch) == Refusal.WRONG_KEY
    house.done(AMINA, 0)
    assert house.open(AMINA, wrapped) == dek
    assert refusal(house.done, STRANGER, 0) == Refusal.UNKNOWN


def test_the_keys_of_a_left_epoch_are_in_no_file(house: Asking, home: Path, copy: Path) -> None:
    _, wrapped = house.seal(AMINA)
    first = house.house.store.keys(AMINA)
    epoch, _ = house.ratchet(AMINA, wrapped)
    records = [record_at(home, place)[17:] for place in (2, 4)]
    assert [one for one in payloads(home) if first.papers in one]
    house.done(AMINA, epoch)
    assert not [one for one in payloads(home) + payloads(copy) if first.papers in one]
    content = (home / "store.log").read_bytes() + (copy / "store.log").read_bytes()
    assert not [record for record in records if record in content]


def test_done_that_failed_to_overwrite_the_old_epoch_does_it_when_repeated(house: Asking, home: Path) -> None:
    first = house.house.store.keys(AMINA)
    epoch, _ = house.ratchet(AMINA)
    real = house.house.files.write
    refused: list[int] = []

    def fail_to_overwrite(name: str, at: int, data: bytes) -> None:
        if name == "store.log" and data[0] == 4:
            refused.append(at)
            broken()
        real(name, at, data)

    with mock.patch.object(house.house.files, "write", fail_to_overwrite):
        for _ in range(2):
            assert refusal(house.done, AMINA, epoch) == Refusal.STORE
    assert len(refused) == 2
    assert [one for one in payloads(home) if first.papers in one]
    house.done(AMINA, epoch)
    assert not [one for one in payloads(home) if first.papers in one]


def test_one_lost_paper_holds_up_no_erasure(house: Asking) -> None:
    dek, wrapped = house.seal(AMINA)
    _, elsewhere = house.seal(BRUNO)
    assert house.ratchet(AMINA, b"", bytes(44), elsewhere, wrapped, b"x" * 60)[1][:3] == [b"", b"", b""]
    epoch, answers = house.ratchet(AMINA, b"", wrapped)
    assert answers[0] == b""
    house.done(AMINA, epoch)
    assert house.open(AMINA, answers[1]) == dek


def test_a_vault_of_five_thousand_papers_is_moved_at_once_and_not_more(house: Asking) -> None:
    _, wrapped = house.seal(AMINA)
    assert len(house.ratchet(AMINA, *[wrapped] * MAX_PAPERS)[1]) == MAX_PAPERS
    assert refusal(house.ratchet, AMINA, *[wrapped] * (MAX_PAPERS + 1)) == Refusal.MALFORMED
    assert refusal(house.ratchet, STRANGER, wrapped) == Refusal.UNKNOWN


# --- a store that is older than the database ---


@pytest.mark.parametrize("ahead", [1, 2, FORWARD])
def test_a_good_wrapped_key_brings_an_older_store_forward(house: Asking, home: Path, ahead: int) -> None:
    _, old = house.seal(AMINA)
    dek, wrapped = wrapped_at(house.house.store.keys(AMINA), ahead)
    assert house.open(AMINA, wrapped) == dek
    assert house.house.store.keys(AMINA).epoch == ahead
    assert house.house.ledger.epoch(AMINA) == ahead
    assert refusal(house.open, AMINA, old) == Refusal.WRONG_KEY
    (alarm,) = house.check()["alarms"]
    assert (alarm["what"], alarm["subject"]) == ("repaired", AMINA.hex())
    assert house.open(AMINA, wrapped) == dek
    assert len(house.check()["alarms"]) == 1


def test_a_pending_ratchet_of_an_older_store_is_brought_forward_too(house: Asking) -> None:
    own = house.house.store.keys(AMINA)
    house.ratchet(AMINA)
    dek, wrapped = wrapped_at(own, 3)
    assert house.open(AMINA, wrapped) == dek
    assert house.house.store.keys(AMINA) == own.at(3)


@pytest.mark.parametrize("epoch", [1, 2, FORWARD, FORWARD + 1, 0xFFFFFFFF])
def test_a_forged_wrapped_key_brings_nothing_forward(house: Asking, home: Path, epoch: int) -> None:
    dek, wrapped = house.seal(AMINA)
    before = (home / "store.log").read_bytes()
    for forged in (wrapped[4:], os.urandom(40), wrapped_at(house.house.store.keys(BRUNO), 2)[1][4:]):
        ask = epoch.to_bytes(4) + forged
        assert refusal(house.open, AMINA, ask) == Refusal.WRONG_KEY
    assert house.open(AMINA, wrapped) == dek
    assert (home / "store.log").read_bytes() == before
    assert house.check()["ledger"] == 0
    assert house.alarms() == []


def test_an_epoch_too_far_ahead_is_refused_even_when_it_is_good(house: Asking) -> None:
    _, wrapped = wrapped_at(house.house.store.keys(AMINA), FORWARD + 1)
    assert refusal(house.open, AMINA, wrapped) == Refusal.WRONG_KEY


def test_a_ratchet_asked_of_an_older_store_loses_no_paper(house: Asking) -> None:
    own = house.house.store.keys(AMINA)
    (dek, wrapped), (other_dek, other) = wrapped_at(own, 3), wrapped_at(own, 3)
    _, erased = house.seal(AMINA)
    epoch, moved = house.ratchet(AMINA, bytes(44), wrapped, other)
    assert (epoch, moved[0]) == (4, b"")
    house.done(AMINA, epoch)
    assert [house.open(AMINA, one) for one in moved[1:]] == [dek, other_dek]
    for gone in (erased, wrapped):
        assert refusal(house.open, AMINA, gone) == Refusal.WRONG_KEY


def test_a_forged_paper_in_a_ratchet_brings_nothing_forward(house: Asking) -> None:
    dek, wrapped = house.seal(AMINA)
    assert house.ratchet(AMINA, (9).to_bytes(4) + os.urandom(40), wrapped)[0] == 1
    assert house.open(AMINA, wrapped) == dek


# --- rights and forms ---


ASKS: dict[str, tuple[Call, list[bytes]]] = {
    "create": (Call.CREATE, [AMINA]),
    "seal_key": (Call.SEAL_KEY, [AMINA, b"shared"]),
    "open_key": (Call.OPEN_KEY, [AMINA, b"shared", bytes(44), WORKER, b"test"]),
    "fields": (Call.FIELDS, [b"names", WORKER, b"test", AMINA]),
    "tokens": (Call.TOKENS, [AMINA, b"name", b"fact"]),
    "pepper": (Call.PEPPER, [b"pin", b"1234"]),
    "ratchet": (Call.RATCHET, [AMINA, b"shared", bytes(44)]),
    "ratchet_done": (Call.RATCHET_DONE, [AMINA, bytes(4)]),
    "erase": (Call.ERASE, [AMINA]),
    "rotate": (Call.ROTATE, []),
    "check": (Call.CHECK, [bytes(8)]),
}


def malformed(house: Asking, call: Call, fields: list[bytes]) -> bool:
    """Whether it is refused as such, and neither the store nor the ledger changed."""
    before = house.check()
    code = refusal(house.keeper.answer, call, fields)
    after = house.check()
    return code == Refusal.MALFORMED and before["store_bytes"] == after["store_bytes"] and not after["ledger"]


def test_every_call_is_tried_here() -> None:
    assert [call for call, _ in ASKS.values()] == list(Call)


@pytest.mark.parametrize("name", [name for name, (_, fields) in ASKS.items() if AMINA in fields])
@pytest.mark.parametrize("id_", [*HOUSE, b"", bytes(15), bytes(17)])
def test_the_houses_own_ids_and_what_is_no_id_are_refused_everywhere(
    house: Asking, name: str, id_: bytes
) -> None:
    call, fields = ASKS[name]
    if name == "tokens" and not id_:
        return  # the whole platform
    assert malformed(house, call, [id_ if field == AMINA else field for field in fields])


@pytest.mark.parametrize("name", sorted(ASKS))
def test_too_few_fields_or_too_many_are_refused(house: Asking, name: str) -> None:
    call, fields = ASKS[name]
    few = 3 if name == "fields" else 2 if name == "tokens" else 1 if name == "ratchet" else len(fields)
    if few and name != "check":
        assert malformed(house, call, fields[: few - 1])
    many = {"fields": MAX_SUBJECTS, "tokens": MAX_FACTS, "ratchet": 2 * MAX_PAPERS}
    assert malformed(house, call, [*fields, *[AMINA] * (many.get(name, 0) + 1)])


@pytest.mark.parametrize("call", [0, 12, 32, 255])
def test_a_call_that_does_not_exist_is_refused(house: Asking, call: int) -> None:
    assert refusal(house.keeper.answer, call, []) == Refusal.MALFORMED


@pytest.mark.parametrize(
    "word", [b"", b"two words", "é".encode(), b"x" * 65, b"line\nbreak", b"a\x00", b"\xff"]
)
def test_a_purpose_or_a_kind_is_a_short_word(house: Asking, word: bytes) -> None:
    _, wrapped = house.seal(AMINA)
    for call, fields in (
        (Call.OPEN_KEY, [AMINA, b"shared", wrapped, WORKER, word]),
        (Call.FIELDS, [b"names", WORKER, word, AMINA]),
        (Call.TOKENS, [b"", word, b"fact"]),
        (Call.PEPPER, [word, b"1234"]),
    ):
        assert malformed(house, call, fields)


@pytest.mark.parametrize("word", [b"a", b"x" * 64, b"vault.read-2_b"])
def test_a_short_word_is_one(house: Asking, word: bytes) -> None:
    assert len(house.tokens(b"", b"fact", kind=word)) == 1


@pytest.mark.parametrize("who", [b"", WORKER[:16], WORKER + b"\0", bytes(17), b"\5" + bytes(16)])
def test_an_actor_is_of_a_known_kind(house: Asking, who: bytes) -> None:
    assert malformed(house, Call.OPEN_KEY, [AMINA, b"shared", bytes(44), who, b"test"])
    assert malformed(house, Call.FIELDS, [b"names", who, b"test", AMINA])


@pytest.mark.parametrize("name", [b"", b"public", b"SHARED", b"\xff"])
def test_a_part_or_a_class_exists(house: Asking, name: bytes) -> None:
    assert malformed(house, Call.SEAL_KEY, [AMINA, name])
    assert malformed(house, Call.OPEN_KEY, [AMINA, name, bytes(44), WORKER, b"test"])
    assert malformed(house, Call.RATCHET, [AMINA, name, bytes(44)])
    assert malformed(house, Call.FIELDS, [name, WORKER, b"test", AMINA])


def test_odd_fields_are_refused(house: Asking) -> None:
    assert malformed(house, Call.RATCHET, [AMINA, b"shared"])
    assert malformed(house, Call.RATCHET_DONE, [AMINA, bytes(3)])
    assert malformed(house, Call.CHECK, [bytes(7)])


@pytest.mark.parametrize("call", ["seal_key", "open_key", "ratchet", "ratchet_done"])
def test_an_unknown_subject_is_refused_and_not_created(house: Asking, call: str) -> None:
    number, fields = ASKS[call]
    ask = [STRANGER if field == AMINA else field for field in fields]
    assert refusal(house.keeper.answer, number, ask) == Refusal.UNKNOWN
    assert house.check()["subjects"] == 2


# --- check ---


def test_check_says_what_the_contract_says(house: Asking) -> None:
    house.erase(BRUNO)
    found = house.check()
    assert list(found) == [
        *("version", "protocol", "role", "started", "subjects", "erased", "damaged", "damaged_records"),
        *("damaged_subjects", "store_bytes", "generation", "term", "day", "oldest_day", "copy", "ledger"),
        *("journal", "alarms"),
    ]
    assert (found["version"], found["protocol"], found["role"]) == ("0.2", 1, "primary")
    assert (found["subjects"], found["erased"], found["generation"], found["term"]) == (1, 1, 1, 1)
    assert found["copy"] == {"state": "ok", "same_disk": True, "why": "", "since": None}


def test_check_without_a_line_is_from_the_first(house: Asking) -> None:
    refusal(house.fields, AMINA, field_class="private", by=PROFESSIONAL)
    (report,) = house.keeper.answer(Call.CHECK, [])
    assert [alarm["what"] for alarm in json.loads(report)["alarms"]] == ["forbidden"]
    assert house.check(json.loads(report)["alarms"][0]["n"])["alarms"] == []


def test_re_keying_answers_the_day_and_changes_no_key(house: Asking) -> None:
    dek, wrapped = house.seal(AMINA)
    assert house.keeper.answer(Call.ROTATE, []) == [(2).to_bytes(4)]
    assert house.open(AMINA, wrapped) == dek
    assert (house.check()["generation"], house.check()["day"]["number"]) == (2, 2)


# --- when another has taken over ---


def test_after_another_keeper_took_over_nothing_more_is_answered(house: Asking) -> None:
    def taken(*_: object) -> None:
        raise CannotStart("This standby has taken over.")

    with mock.patch.object(house.house.files, "write", taken):
        assert refusal(house.create, STRANGER) == Refusal.STANDBY
    for ask in (lambda: house.names(AMINA), house.check, lambda: house.create(STRANGER)):
        assert refusal(ask) == Refusal.STANDBY


def test_upkeep_sees_that_another_keeper_took_over(house: Asking) -> None:
    with mock.patch.object(house.house, "tend", side_effect=CannotStart("taken over")):
        house.keeper.tend()
    assert refusal(house.names, AMINA) == Refusal.STANDBY


# --- together ---


def test_a_call_goes_through_a_real_socket(client: KeeperClient, house: Asking) -> None:
    dek, wrapped = client.seal_key(UUID(bytes=AMINA), "shared")
    assert house.open(AMINA, wrapped) == dek


def test_threads_that_move_erase_and_open_at_once_see_only_what_is_true(house: Asking, home: Path) -> None:
    dek, wrapped = house.seal(AMINA)
    current, wrong, stop = [wrapped], [], threading.Event()

    def read() -> None:
        while not stop.is_set():
            kept = current[0]
            found = answer(house.open, AMINA, kept)
            if found != dek and current[0] == kept:
                wrong.append(found)

    def fill(start: int) -> None:
        for number in range(start, start + 10):
            subject = number.to_bytes(16)
            house.create(subject)
            house.erase(subject)

    threads = [
        threading.Thread(target=read),
        *(threading.Thread(target=fill, args=(at,)) for at in (1000, 2000)),
    ]
    for thread in threads:
        thread.start()
    for _ in range(6):
        epoch, moved = house.ratchet(AMINA, current[0])
        current[0] = moved[0]
        house.done(AMINA, epoch)
        house.rotate()
    for thread in threads[1:]:
        thread.join()
    stop.set()
    threads[0].join()
    assert wrong == []
    found = house.check()
    assert (found["subjects"], found["erased"], found["damaged"]) == (2, 20, 0)
    with opened(clone(home, home.with_name("after"))) as asking:
        assert asking.open(AMINA, current[0]) == dek
        assert asking.check()["erased"] == 20
