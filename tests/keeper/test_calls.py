"""The calls, through the client and a real socket."""

from uuid import UUID

import pytest

from havre.core.keeper_client import (
    MAX_SUBJECTS,
    Actor,
    KeeperClient,
    KeeperRefused,
    SubjectErased,
    SubjectUnknown,
)

AMINA, BRUNO, STRANGER = UUID(int=1), UUID(int=2), UUID(int=3)
BRUNO_HIMSELF = Actor("person", BRUNO)
CLAIRE = Actor("professional", UUID(int=4))
WORKER = Actor("worker", UUID(int=5))
STRUCTURE = UUID(int=6)


@pytest.fixture
def known(client: KeeperClient) -> KeeperClient:
    """A client of a keeper that knows Amina and Bruno."""
    client.create(AMINA)
    client.create(BRUNO)
    return client


@pytest.mark.parametrize("part", ["shared", "private"])
def test_a_sealed_key_opens_again(known: KeeperClient, part: str) -> None:
    dek, wrapped = known.seal_key(BRUNO, part)
    assert len(dek) == 32
    assert dek not in wrapped
    assert known.open_key(BRUNO, part, wrapped, BRUNO_HIMSELF, "read") == dek


def test_the_private_part_is_refused_to_a_professional(known: KeeperClient) -> None:
    _, wrapped = known.seal_key(BRUNO, "private")
    with pytest.raises(KeeperRefused) as refused:
        known.open_key(BRUNO, "private", wrapped, CLAIRE, "read")
    assert refused.value.code == "forbidden"
    with pytest.raises(KeeperRefused) as refused:
        known.fields([BRUNO], "private", CLAIRE, "read")
    assert refused.value.code == "forbidden"


def test_a_private_key_called_shared_does_not_open_for_a_professional(known: KeeperClient) -> None:
    _, wrapped = known.seal_key(BRUNO, "private")
    with pytest.raises(KeeperRefused) as refused:
        known.open_key(BRUNO, "shared", wrapped, CLAIRE, "read")
    assert refused.value.code == "wrong_key"


def test_a_professional_opens_the_shared_part(known: KeeperClient) -> None:
    dek, wrapped = known.seal_key(BRUNO, "shared")
    assert known.open_key(BRUNO, "shared", wrapped, CLAIRE, "follow-up") == dek


def test_the_key_of_one_person_does_not_open_for_another(known: KeeperClient) -> None:
    _, wrapped = known.seal_key(BRUNO, "shared")
    with pytest.raises(KeeperRefused) as refused:
        known.open_key(AMINA, "shared", wrapped, WORKER, "read")
    assert refused.value.code == "wrong_key"


def test_unknown_and_erased_subjects_are_told_apart(known: KeeperClient) -> None:
    known.erase(AMINA)
    with pytest.raises(SubjectErased):
        known.seal_key(AMINA, "shared")
    with pytest.raises(SubjectErased):
        known.create(AMINA)
    with pytest.raises(SubjectUnknown):
        known.seal_key(STRANGER, "shared")


def test_an_erased_person_opens_nothing_more(known: KeeperClient) -> None:
    _, wrapped = known.seal_key(BRUNO, "shared")
    known.erase(BRUNO)
    with pytest.raises(SubjectErased):
        known.open_key(BRUNO, "shared", wrapped, BRUNO_HIMSELF, "read")


def test_field_keys_are_stable_and_one_for_each_person_and_class(known: KeeperClient) -> None:
    names = known.fields([AMINA, BRUNO], "names", CLAIRE, "list")
    notes = known.fields([AMINA, BRUNO], "notes", CLAIRE, "list")
    assert set(names) == {AMINA, BRUNO}
    assert len({*names.values(), *notes.values()}) == 4
    assert known.fields([BRUNO, AMINA], "names", WORKER, "list") == names


def test_a_subject_that_is_gone_hides_no_other_and_says_why(known: KeeperClient) -> None:
    known.erase(AMINA)
    keys = known.fields([AMINA, BRUNO, STRANGER], "names", CLAIRE, "list")
    assert set(keys) == {BRUNO}
    with pytest.raises(SubjectErased):
        keys[AMINA]
    with pytest.raises(SubjectUnknown):
        keys[STRANGER]
    with pytest.raises(KeyError):
        keys[UUID(int=77)]


def test_at_most_a_page_of_subjects_is_opened_at_once(known: KeeperClient) -> None:
    page = [AMINA] * MAX_SUBJECTS
    assert set(known.fields(page, "names", CLAIRE, "list")) == {AMINA}
    with pytest.raises(KeeperRefused) as refused:
        known.fields([*page, BRUNO], "names", CLAIRE, "list")
    assert refused.value.code == "malformed"
    assert known.ping()


def test_tokens_are_equal_for_equal_facts_in_one_scope_only(known: KeeperClient) -> None:
    here = known.tokens(STRUCTURE, "name", [b"bruno", b"amina", b"bruno"])
    assert here[0] == here[2] != here[1]
    assert len(here[0]) == 32
    assert known.tokens(STRUCTURE, "name", [b"bruno"]) == here[:1]
    assert known.tokens(None, "name", [b"bruno"]) != here[:1]
    assert known.tokens(STRUCTURE, "phone", [b"bruno"]) != here[:1]
    assert known.tokens(None, "name", []) == []


@pytest.mark.parametrize("purpose", ["", "two words", "é", "x" * 65, "line\nbreak"])
def test_a_purpose_is_a_short_word(known: KeeperClient, purpose: str) -> None:
    with pytest.raises(KeeperRefused) as refused:
        known.fields([AMINA], "names", CLAIRE, purpose)
    assert refused.value.code == "malformed"


def test_a_part_or_class_that_does_not_exist_is_refused(known: KeeperClient) -> None:
    with pytest.raises(KeeperRefused):
        known.seal_key(AMINA, "public")
    with pytest.raises(KeeperRefused):
        known.fields([AMINA], "everything", WORKER, "read")


def test_an_actor_is_of_a_known_kind() -> None:
    with pytest.raises(ValueError, match="not 'root'"):
        Actor("root", AMINA)


def test_check_counts(known: KeeperClient) -> None:
    before = known.check()
    known.erase(AMINA)
    after = known.check()
    assert (before["subjects"], before["erased"], before["damaged"]) == (2, 0, 0)
    assert (after["subjects"], after["erased"], after["damaged_subjects"]) == (1, 1, [])
    assert after["generation"] == before["generation"] + 1
    assert after["protocol"] == 1
