"""The store: durable in two places, each record apart, and really forgetting."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from havre.keeper.days import Days
from havre.keeper.keys import ShredKeys
from havre.keeper.places import CannotStart
from havre.keeper.protocol import Refusal
from havre.keeper.store import HEADER_BYTES, HOUSE, RECORD_BYTES, START, Kind, Seal, Stamp, Store
from tests.keeper.fates import Died, Fate, away, name_of
from tests.keeper.houses import (
    AMINA,
    BRUNO,
    CLAIRE,
    ROOT,
    clone,
    files_of,
    flip,
    found_keys,
    living_days,
    pair,
    payloads,
    record_at,
    refusal,
    stored,
)

pytestmark = pytest.mark.usefixtures("unsynced")
FIRST = len(HOUSE)  # the position of the first subject
AT = START + FIRST * RECORD_BYTES


def filled(home: Path, *subjects: bytes, copy: Path | None = None) -> dict[bytes, ShredKeys]:
    """The keys of some subjects of a new store."""
    with stored(home, copy) as store:
        for subject in subjects:
            store.create(subject)
        return {subject: store.keys(subject) for subject in subjects}


def all_keys(home: Path, *subjects: bytes, copy: Path | None = None) -> dict[bytes, ShredKeys | Refusal]:
    """What a store gives once it is opened again."""
    with stored(home, copy) as store:
        return {subject: found_keys(store, subject) for subject in subjects}


def until(fate: Fate, home: Path, copy: Path | None, act: Callable[[Store], None]) -> None:
    """Act on a store until the power goes."""
    with closing(pair(home, copy, around=fate.around)) as files, pytest.raises(Died):
        act(Store(files, Days(files, ROOT)))


# --- what is kept ---


def test_keys_survive_a_restart_in_either_place_alone(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    for place in (home, copy):
        assert all_keys(place, AMINA, BRUNO) == keys


def test_a_subject_is_on_disk_in_both_places_before_it_is_acknowledged(home: Path, copy: Path) -> None:
    with stored(home, copy) as store:
        store.create(AMINA)
        packed = store.keys(AMINA).packed()
        assert packed in payloads(home)
        assert packed in payloads(copy)


def test_each_write_is_synchronised_before_it_is_acknowledged(
    home: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    with stored(home, copy) as store:
        real = os.fdatasync

        def follow(file: int) -> None:
            synced.append(name_of(file))
            real(file)

        monkeypatch.setattr(os, "fdatasync", follow)
        store.create(AMINA)
    assert synced == [home / "store.log", copy / "store.log"]


def test_creating_twice_changes_nothing(home: Path) -> None:
    with stored(home) as store:
        store.create(AMINA)
        before = files_of(home)
        store.create(AMINA)
        assert files_of(home) == before


def test_no_two_keys_are_equal(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO)
    with stored(home) as store:
        known = [*keys.values(), store.house]
    assert len({key for one in known for key in (one.papers, one.fields)}) == 6


def test_an_unknown_subject_is_refused(home: Path) -> None:
    assert all_keys(home, AMINA) == {AMINA: Refusal.UNKNOWN}


def test_the_files_show_no_key_and_only_their_owner_reads_them(home: Path) -> None:
    keys = filled(home, AMINA)
    content = b"".join(files_of(home).values())
    assert keys[AMINA].papers not in content
    assert keys[AMINA].fields not in content
    assert {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()} == {
        "store.log": 0o600,
        "store.past": 0o600,
        "days.keys": 0o600,
    }


def test_many_threads_write_at_once_and_nothing_is_lost(home: Path, copy: Path) -> None:
    subjects = [os.urandom(16) for _ in range(48)]
    with stored(home, copy) as store:

        def create(some: list[bytes]) -> None:
            for subject in some:
                store.create(subject)

        threads = [threading.Thread(target=create, args=(subjects[start::8],)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        keys = {subject: store.keys(subject) for subject in subjects}
    assert all_keys(home, *subjects) == all_keys(copy, *subjects) == keys


def test_status_counts(home: Path) -> None:
    with stored(home) as store:
        for subject in (AMINA, BRUNO, CLAIRE):
            store.create(subject)
        store.erase(CLAIRE)
        size = (home / "store.log").stat().st_size
        found = store.status()
    assert (found["subjects"], found["erased"], found["damaged"]) == (2, 1, 0)
    assert (found["store_bytes"], found["generation"], found["term"]) == (size, 1, 1)


# --- records cut short ---


def test_a_last_record_cut_short_at_any_length_is_removed_at_start(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO)
    whole = (home / "store.log").read_bytes()
    for left in (*range(0, RECORD_BYTES, 12), RECORD_BYTES - 1):
        (home / "store.log").write_bytes(whole[: AT + RECORD_BYTES + left])
        with stored(home) as store:
            assert found_keys(store, AMINA) == keys[AMINA]
            assert found_keys(store, BRUNO) == Refusal.UNKNOWN
            store.create(CLAIRE)
            claire = store.keys(CLAIRE)
        with stored(home) as store:
            assert found_keys(store, CLAIRE) == claire
            assert store.damaged_records == 0


def test_a_last_record_that_was_never_written_is_removed_at_start(home: Path) -> None:
    keys = filled(home, AMINA)
    os.truncate(home / "store.log", AT + 2 * RECORD_BYTES)
    with stored(home) as store:
        assert found_keys(store, AMINA) == keys[AMINA]
        assert (store.status()["damaged"], store.status()["store_bytes"]) == (0, AT + RECORD_BYTES)


# --- damage ---


def test_a_damaged_record_loses_its_subject_only_and_is_said(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO, CLAIRE)
    flip(home / "store.log", AT + RECORD_BYTES + 40)
    with stored(home) as store:
        assert found_keys(store, AMINA) == keys[AMINA]
        assert found_keys(store, BRUNO) == Refusal.DAMAGED
        assert found_keys(store, CLAIRE) == keys[CLAIRE]
        found = store.status()
    assert (found["damaged_records"], found["damaged_subjects"]) == (1, [BRUNO.hex()])


def test_the_second_copy_heals_it_and_that_is_said(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    whole = (copy / "store.log").read_bytes()
    flip(home / "store.log", AT + 40)
    with stored(home, copy) as store:
        assert found_keys(store, AMINA) == keys[AMINA]
        assert store.repaired
        assert store.damaged_records == 0
    assert (home / "store.log").read_bytes() == (copy / "store.log").read_bytes() == whole


def test_each_place_heals_what_the_other_lost(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    whole = (copy / "store.log").read_bytes()
    flip(home / "store.log", AT + 40)
    flip(copy / "store.log", AT + RECORD_BYTES + 40)
    assert all_keys(home, AMINA, BRUNO, copy=copy) == keys
    assert (home / "store.log").read_bytes() == (copy / "store.log").read_bytes() == whole


def test_a_damaged_subject_is_not_given_new_keys(home: Path) -> None:
    filled(home, AMINA, BRUNO)
    flip(home / "store.log", AT + 40)
    with stored(home) as store:
        assert refusal(store.create, AMINA) == Refusal.DAMAGED


def test_damage_is_still_refused_and_said_after_compactions(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO)
    flip(home / "store.log", AT + 40)
    for _ in range(2):
        with stored(home) as store:
            store.compact()
    with stored(home) as store:
        assert found_keys(store, AMINA) == Refusal.DAMAGED
        assert found_keys(store, BRUNO) == keys[BRUNO]
        assert store.status()["damaged_subjects"] == [AMINA.hex()]


def test_a_damaged_tombstone_still_forbids_its_subject(home: Path) -> None:
    filled(home, AMINA)
    until(
        Fate(2), home, None, lambda store: store.erase(AMINA)
    )  # the tombstone is written, the keys still there
    assert record_at(home, FIRST)[0] == Kind.KEYS
    flip(home / "store.log", AT + RECORD_BYTES + 40)
    assert all_keys(home, AMINA) == {AMINA: Refusal.DAMAGED}


def test_a_damaged_subject_can_be_erased(home: Path) -> None:
    filled(home, AMINA)
    flip(home / "store.log", AT + 40)
    with stored(home) as store:
        store.erase(AMINA)
        assert found_keys(store, AMINA) == Refusal.ERASED
        assert store.status()["damaged"] == 0


def test_damage_to_what_was_overwritten_loses_nobody(home: Path) -> None:
    filled(home, AMINA, BRUNO)
    with stored(home) as store:
        store.erase(AMINA)
    assert record_at(home, FIRST)[0] == Kind.VOID
    flip(home / "store.log", AT + 5)
    with stored(home) as store:
        assert store.damaged_records == 1
        assert store.status()["damaged_subjects"] == []


def test_two_swapped_records_are_both_refused(home: Path) -> None:
    filled(home, AMINA, BRUNO)
    content = (home / "store.log").read_bytes()
    one, two = content[AT : AT + RECORD_BYTES], content[AT + RECORD_BYTES :]
    (home / "store.log").write_bytes(content[:AT] + two + one)
    assert all_keys(home, AMINA, BRUNO) == {AMINA: Refusal.DAMAGED, BRUNO: Refusal.DAMAGED}


def test_a_record_of_an_older_generation_does_not_come_back(home: Path, copy: Path) -> None:
    filled(home, AMINA, BRUNO)
    old = record_at(home, FIRST)
    with stored(home) as store:
        store.compact()
    new = (home / "store.log").read_bytes()
    for place in (home, copy):
        (place / "store.log").write_bytes(new[:AT] + old + new[AT + RECORD_BYTES :])
    assert all_keys(home, AMINA, copy=copy) == {AMINA: Refusal.DAMAGED}


def test_the_house_is_written_twice(home: Path) -> None:
    with stored(home) as store:
        known = store.house
    for position in range(FIRST):
        damaged = clone(home, home.with_name("damaged"))
        flip(damaged / "store.log", START + position * RECORD_BYTES + 40)
        with stored(damaged) as store:
            assert store.house == known
            store.compact()
        with stored(damaged) as store:
            assert store.house == known
            assert store.damaged_records == 0


def test_a_house_damaged_twice_does_not_start_in_one_sentence(home: Path) -> None:
    filled(home, AMINA)
    for position in range(FIRST):
        flip(home / "store.log", START + position * RECORD_BYTES + 40)
    with (
        pytest.raises(CannotStart, match=r"^The house's own record in store.log is damaged: .*\.$"),
        stored(home),
    ):
        pass


@pytest.mark.parametrize("at", [0, HEADER_BYTES, 10, HEADER_BYTES + 20, HEADER_BYTES - 1])
def test_one_damaged_header_costs_nothing_and_is_mended(home: Path, at: int) -> None:
    keys = filled(home, AMINA)
    whole = (home / "store.log").read_bytes()
    flip(home / "store.log", at)
    assert all_keys(home, AMINA) == keys
    assert (home / "store.log").read_bytes() == whole


def test_two_damaged_headers_are_healed_by_the_second_copy_or_refused(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, copy=copy)
    flip(home / "store.log", 9)
    flip(home / "store.log", HEADER_BYTES + 9)
    alone = clone(home, home.with_name("alone"))
    assert all_keys(home, AMINA, copy=copy) == keys
    before = files_of(alone)
    with pytest.raises(
        CannotStart, match=r"^No living day key opens store.log, or its headers are damaged: .*\.$"
    ):
        all_keys(alone)
    assert files_of(alone) == before


def test_another_root_is_refused_in_one_sentence_and_changes_nothing(home: Path, copy: Path) -> None:
    filled(home, AMINA, copy=copy)
    before = files_of(home, copy)
    with (
        pytest.raises(CannotStart, match=r"^This root key opens none of the day keys: .*\.$"),
        stored(home, copy, root=bytes(32)),
    ):
        pass
    assert files_of(home, copy) == before


def test_a_store_of_another_day_is_refused_in_one_sentence_and_changes_nothing(
    home: Path, tmp_path: Path
) -> None:
    filled(home, AMINA)
    filled(tmp_path / "other", AMINA)
    (home / "store.log").write_bytes((tmp_path / "other" / "store.log").read_bytes())
    before = files_of(home)
    with pytest.raises(CannotStart, match=r"^No living day key opens store.log"), stored(home):
        pass
    assert files_of(home) == before


def test_a_store_that_is_gone_is_never_replaced_by_a_new_one(home: Path) -> None:
    with stored(home) as store:
        store._days.add()
        store.compact()
    (home / "store.log").unlink()
    before = files_of(home)
    with pytest.raises(CannotStart, match=r"store.log is gone"), stored(home):
        pass
    assert files_of(home) == before


def test_a_first_store_is_not_begun_while_the_copy_that_may_hold_one_does_not_answer(
    home: Path, copy: Path
) -> None:
    filled(copy, AMINA)
    before = files_of(copy)
    with (
        closing(pair(home, copy)) as files,
        away(files.copy),
        pytest.raises(CannotStart, match=r"start it first\.$"),
    ):
        Store(files, Days(files, ROOT))
    assert files_of(home, copy) == before


# --- which is the newer ---


def written(place: Path, days: Days, stamp: Stamp, *subjects: bytes) -> dict[bytes, ShredKeys]:
    """Write a store of that stamp by hand."""
    key = days.key(stamp.day)
    assert key is not None
    seal = Seal(key, stamp, os.urandom(32))
    house, keys = ShredKeys.new(), {subject: ShredKeys.new() for subject in subjects}
    entries = [*((name, house) for name in HOUSE), *keys.items()]
    records = [
        seal.record(Kind.KEYS, name, place_, own.packed()) for place_, (name, own) in enumerate(entries)
    ]
    (place / "store.log").write_bytes(seal.header * 2 + b"".join(records))
    return keys


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        pytest.param(Stamp(1, 9, 1), Stamp(2, 1, 1), id="term"),
        pytest.param(Stamp(1, 8, 1), Stamp(1, 9, 1), id="generation"),
        pytest.param(Stamp(1, 1, 1), Stamp(1, 1, 1), id="length"),
    ],
)
@pytest.mark.parametrize("newer_is_ours", [True, False])
def test_the_greater_stamp_wins_and_both_places_become_it(
    home: Path, copy: Path, older: Stamp, newer: Stamp, newer_is_ours: bool
) -> None:
    filled(home, copy=copy)
    days = living_days(home)
    places = (copy, home) if newer_is_ours else (home, copy)
    written(places[0], days, older, AMINA)
    keys = written(places[1], days, newer, AMINA, BRUNO)
    with stored(home, copy) as store:
        assert {subject: found_keys(store, subject) for subject in (AMINA, BRUNO)} == keys
        assert store.stamp == newer
        assert store.repaired != newer_is_ours
    assert (home / "store.log").read_bytes() == (copy / "store.log").read_bytes()
    assert all_keys(home, AMINA, BRUNO) == keys


def test_a_place_that_is_empty_takes_what_the_other_holds(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, copy=copy)
    for place in (home, copy):
        for path in place.iterdir():
            path.unlink()
        assert all_keys(home, AMINA, copy=copy) == keys
        assert files_of(home).keys() - {home / "store.past"} == {home / "days.keys", home / "store.log"}
        assert all_keys(place, AMINA) == keys


def test_taking_over_begins_a_term(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, copy=copy)
    with closing(pair(home, copy)) as files:
        assert Store(files, Days(files, ROOT), take_over=True).stamp == Stamp(2, 2, 1)
    with stored(home, copy) as store:
        assert store.stamp == Stamp(2, 2, 1)
        assert found_keys(store, AMINA) == keys[AMINA]


# --- what is forgotten ---


def test_erased_keys_are_in_no_file_of_either_place(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    sealed = record_at(home, FIRST)[17:]
    with stored(home, copy) as store:
        store.erase(AMINA)
        for content in files_of(home, copy).values():
            assert sealed not in content
        for place in (home, copy):
            assert keys[AMINA].packed() not in payloads(place)
            assert keys[BRUNO].packed() in payloads(place)


def test_replaced_keys_are_in_no_file_of_either_place(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, copy=copy)
    with stored(home, copy) as store:
        store.append(AMINA, keys[AMINA].ratcheted())
        sealed = [record_at(home, FIRST + place)[17:] for place in range(2)]
        assert keys[AMINA].packed() in payloads(home)
        store.put(AMINA, keys[AMINA].at(1))
        for content in files_of(home, copy).values():
            assert not [one for one in sealed if one in content]
        assert not [one for one in payloads(home) + payloads(copy) if keys[AMINA].papers in one]
        assert found_keys(store, AMINA) == keys[AMINA].at(1)
    assert all_keys(home, AMINA) == {AMINA: keys[AMINA].at(1)}


def test_a_compaction_leaves_no_old_record_in_any_file(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    with stored(home, copy) as store:
        store.append(AMINA, keys[AMINA].ratcheted())
        sealed = [record_at(home, place)[17:] for place in range(FIRST + 3)]
        assert len(set(sealed)) == FIRST + 3
        store.compact()
        assert store.stamp.generation == 2
        for content in files_of(home, copy).values():
            assert not [one for one in sealed if one in content]
        assert len(payloads(home)) == FIRST + 2
        store.scrub()  # of the new file, nothing is dead
    assert all_keys(home, AMINA, BRUNO) == {AMINA: keys[AMINA].ratcheted(), BRUNO: keys[BRUNO]}


def test_a_compaction_keeps_what_was_erased_and_what_was_lost(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO, CLAIRE)
    flip(home / "store.log", AT + 40)
    with stored(home) as store:
        store.erase(BRUNO)
        store.compact()
    assert all_keys(home, AMINA, BRUNO, CLAIRE) == {
        AMINA: Refusal.DAMAGED,
        BRUNO: Refusal.ERASED,
        CLAIRE: keys[CLAIRE],
    }


def test_an_erased_id_is_refused_for_ever(home: Path) -> None:
    filled(home, AMINA, BRUNO)
    with stored(home) as store:
        store.erase(AMINA)
        store.erase(AMINA)
        store.compact()
    with stored(home) as store:
        assert found_keys(store, AMINA) == Refusal.ERASED
        assert refusal(store.create, AMINA) == Refusal.ERASED


def test_an_id_may_be_erased_before_it_is_known(home: Path) -> None:
    with stored(home) as store:
        store.erase(AMINA)
    assert all_keys(home, AMINA) == {AMINA: Refusal.ERASED}


def test_an_erasure_cut_before_its_keys_were_overwritten_is_finished_at_start(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    until(Fate(3), home, copy, lambda store: store.erase(AMINA))
    assert keys[AMINA].packed() in payloads(home)
    assert all_keys(home, AMINA, BRUNO, copy=copy) == {AMINA: Refusal.ERASED, BRUNO: keys[BRUNO]}
    assert keys[AMINA].packed() not in payloads(home) + payloads(copy)


def test_half_a_compaction_left_by_a_crash_is_removed_at_start(home: Path, copy: Path) -> None:
    keys = filled(home, AMINA, copy=copy)
    until(Fate(2, 0.5), home, copy, lambda store: store.compact())
    assert (home / "store.log.new").exists()
    assert all_keys(home, AMINA, copy=copy) == keys
    assert not (home / "store.log.new").exists()


# --- a disk that fails ---


def full(fate: Fate, home: Path, copy: Path | None = None, *, strict: bool = False) -> Store:
    """A store whose disk says that it is full when the fate wants."""
    files = pair(home, copy, around=fate.around, strict=strict)
    store = Store(files, Days(files, ROOT))
    fate.steps = 0
    return store


@pytest.mark.parametrize("part", [0, 0.5, 1])
def test_a_subject_that_could_not_be_written_is_not_acknowledged(home: Path, part: float) -> None:
    filled(home)
    fate = Fate(part=part, dies=False)
    with closing(full(fate, home)) as store:
        fate.at = 1
        assert refusal(store.create, AMINA) == Refusal.STORE
        assert found_keys(store, AMINA) == Refusal.UNKNOWN
        store.create(BRUNO)
        bruno = store.keys(BRUNO)
    with stored(home) as store:
        assert found_keys(store, BRUNO) == bruno
        assert store.status()["damaged"] == 0


@pytest.mark.parametrize("part", [0, 0.5, 1])
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("step", [1, 2, 3])
def test_what_follows_a_compaction_that_failed_is_not_lost(
    home: Path, copy: Path, step: int, strict: bool, part: float
) -> None:
    keys = filled(home, AMINA, BRUNO, copy=copy)
    fate = Fate(part=part, dies=False)
    with closing(full(fate, home, copy, strict=strict)) as store:
        store.erase(AMINA)
        fate.at = fate.steps + step
        if step < 3 or strict:
            assert refusal(store.compact) == Refusal.STORE
        else:
            store.compact()
        fate.heal()
        with store._files.catching_up():
            store._days.rewrite()
            store.rewrite()
        store.create(CLAIRE)
        keys[CLAIRE] = store.keys(CLAIRE)
    for place in (home, copy):
        assert all_keys(place, AMINA, BRUNO, CLAIRE) == {**keys, AMINA: Refusal.ERASED}


def test_keys_that_could_not_be_overwritten_are_by_the_next_erasure(home: Path) -> None:
    keys = filled(home, AMINA, BRUNO)
    fate = Fate(dies=False)
    with closing(full(fate, home)) as store:
        fate.at = 2
        assert refusal(store.erase, AMINA) == Refusal.STORE
        assert found_keys(store, AMINA) == Refusal.ERASED
        assert keys[AMINA].packed() in payloads(home)
        store.erase(AMINA)
        assert keys[AMINA].packed() not in payloads(home)
        assert found_keys(store, BRUNO) == keys[BRUNO]
