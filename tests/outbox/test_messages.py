"""What leaves the house: prepared with its cause, sent once, only while the cause is true, sealed on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from havre.core import sealing
from havre.core.container import ContainerDamaged
from havre.core.keeper_client import Actor, KeeperAbsent
from havre.organisations.notices import INVITATION
from havre.outbox import actions, notices, shredder
from havre.outbox.models import Message, State
from havre.outbox.notices import Notice
from tests.accounts.stagehands import files_at_rest, keeper_absent, stolen
from tests.cast import Cast

pytestmark = pytest.mark.django_db

TO = "amina.diallo@exemple.test"
CAUSE = UUID(int=5)


class Causes:
    """The facts behind messages, as the app above would know them."""

    def __init__(self) -> None:
        self.true = True
        self.asked: list[UUID] = []

    def still_true(self, id: UUID) -> bool:
        self.asked.append(id)
        return self.true


@pytest.fixture
def causes() -> Iterator[Causes]:
    causes = Causes()
    key = "test.appointment"
    notices.register(Notice(key, _("Se connecter"), INVITATION.body, causes.still_true))
    yield causes
    notices._notices.pop(key)


@pytest.fixture
def prepare(cast: Cast, causes: Causes) -> Callable[..., Message]:
    def prepared(to: str = TO, cause_id: UUID = CAUSE, language: str = "fr", **more: Any) -> Message:
        return actions.prepare(
            notices.get("test.appointment"),
            subject=cast.halte.pk,
            to=to,
            cause="test.cause",
            cause_id=cause_id,
            by=cast.claire.actor,
            language=language,
            parameters={"structure": "Halte 100 % « Exemple »", "link": "https://havre.example/rdv"},
            **more,
        )

    return prepared


def letter(message: Message, reader: Actor) -> EmailMessage:
    message.refresh_from_db()
    parsed = message_from_bytes(actions.letter(message, by=reader), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_message_leaves_once_with_its_words(cast: Cast, prepare: Callable[..., Message]) -> None:
    message = prepare()
    assert actions.send_due() == 1
    assert actions.send_due() == 0
    left = letter(message, cast.claire.actor)
    assert message.state == State.SENT
    assert message.sent_at is not None
    assert left["To"] == TO
    assert "Halte 100 % « Exemple » vous invite" in left.get_content()
    assert "https://havre.example/rdv" in left.get_content()
    assert str(message.pk) in left["Message-ID"]


def test_a_message_lies_sealed_before_and_after_it_left(prepare: Callable[..., Message]) -> None:
    prepare()
    for sent in (0, 1):
        taken = stolen()
        for word in (b"amina", b"diallo", b"exemple.test", b"havre.example/rdv", b"vous invite"):
            assert word not in taken
        assert len([path for path in files_at_rest() if path.suffix == ".sealed"]) >= sent
        actions.send_due()


def test_a_message_goes_with_the_act_that_failed(prepare: Callable[..., Message]) -> None:
    with transaction.atomic():
        prepare()
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_the_same_notice_cause_and_contact_make_one_message(prepare: Callable[..., Message]) -> None:
    first = prepare()
    assert prepare() == first
    assert prepare(to="autre@exemple.test") != first
    assert prepare(cause_id=UUID(int=6)) != first
    assert actions.send_due() == 3
    assert prepare().state == State.SENT, "it is not sent again"


def test_a_message_whose_cause_is_over_never_leaves(prepare: Callable[..., Message], causes: Causes) -> None:
    message = prepare()
    causes.true = False
    assert actions.send_due() == 0
    message.refresh_from_db()
    assert message.state == State.EXPIRED
    assert causes.asked == [CAUSE], "asked at the last moment, about this cause"
    causes.true = True
    assert actions.send_due() == 0


def test_a_message_too_late_never_leaves(prepare: Callable[..., Message]) -> None:
    message = prepare(window=timedelta(seconds=-1))
    assert actions.send_due() == 0
    message.refresh_from_db()
    assert message.state == State.EXPIRED


def test_a_message_waits_for_its_hour(prepare: Callable[..., Message]) -> None:
    message = prepare()
    Message.objects.filter(pk=message.pk).update(not_before=timezone.now() + timedelta(hours=1))
    assert actions.send_due() == 0
    Message.objects.filter(pk=message.pk).update(not_before=timezone.now())
    assert actions.send_due() == 1


@pytest.mark.django_db(transaction=True)
def test_two_senders_never_send_the_same_message(
    prepare: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        prepare(cause_id=UUID(int=100 + number))
    written: list[UUID] = []
    write = actions._write_sealed

    def noted(message: Message, *words: str) -> bytes:
        written.append(message.pk)
        return write(message, *words)

    monkeypatch.setattr(actions, "_write_sealed", noted)
    barrier, sent = threading.Barrier(3), []

    def sender() -> None:
        try:
            barrier.wait(10)
            sent.append(actions.send_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=sender) for _one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(sent) == 6
    assert len(written) == len(set(written)) == 6


def test_a_message_claimed_by_another_is_left_to_it(prepare: Callable[..., Message]) -> None:
    message = prepare()
    Message.objects.filter(pk=message.pk).update(state=State.SENDING, claimed_at=timezone.now())
    assert actions.send_due() == 0


def test_a_sender_killed_in_the_middle_is_followed_by_another(
    cast: Cast, prepare: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = prepare()

    def killed(*_words: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(actions, "_write_sealed", killed)
        with pytest.raises(KeyboardInterrupt):
            actions.send_due()
    assert actions.send_due() == 0, "its claim still holds"
    lapsed = timezone.now() - actions.CLAIM - timedelta(seconds=1)
    Message.objects.filter(pk=message.pk).update(claimed_at=lapsed)
    assert actions.send_due() == 1
    assert letter(message, cast.claire.actor)["To"] == TO


def test_a_sender_killed_after_the_file_and_before_the_row_leaves_one_letter(
    cast: Cast, prepare: Callable[..., Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = prepare()
    sealing.unseal([message], "to", "parameters", by=sealing.worker(), purpose="send")
    actions._write_sealed(message, "Un titre", "Un corps.")
    assert actions.send_due() == 1
    assert "vous invite" in letter(message, cast.claire.actor).get_content()
    assert len(list(actions.file_of(message).parent.glob(f"*{message.pk}*"))) == 1


def test_without_the_keeper_a_message_waits(cast: Cast, prepare: Callable[..., Message]) -> None:
    message = prepare()
    with keeper_absent(), pytest.raises(KeeperAbsent):
        actions.send_due()
    Message.objects.filter(pk=message.pk).update(claimed_at=timezone.now() - 2 * actions.CLAIM)
    assert actions.send_due() == 1


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_a_message_speaks_the_language_asked_for(
    cast: Cast, prepare: Callable[..., Message], language: str
) -> None:
    message = prepare(language=language)
    assert actions.send_due() == 1
    expected = notices.get("test.appointment").words(
        language, {"structure": "Halte 100 % « Exemple »", "link": "https://havre.example/rdv"}
    )
    left = letter(message, cast.claire.actor)
    assert left["Subject"] == expected[0]
    assert left.get_content().strip() == expected[1]


def test_words_differ_from_one_language_to_another(causes: Causes) -> None:
    places = {"structure": "Halte", "link": "x"}
    said = {notices.get("test.appointment").words(code, places)[0] for code in ("fr", "en", "ar")}
    assert len(said) == 3


def test_a_letter_is_read_back_with_its_own_key_only(cast: Cast, prepare: Callable[..., Message]) -> None:
    one, other = prepare(), prepare(cause_id=UUID(int=6))
    actions.send_due()
    paths = [actions.file_of(message) for message in (one, other)]
    paths[0].replace(paths[1])
    other.refresh_from_db()
    with pytest.raises(ContainerDamaged):
        actions.letter(other, by=cast.claire.actor)


def test_old_messages_go_with_their_files_and_waiting_ones_stay(prepare: Callable[..., Message]) -> None:
    sent = prepare()
    actions.send_due()
    waiting = prepare(cause_id=UUID(int=6))
    Message.objects.update(created_at=timezone.now() - shredder.OVER_KEPT - timedelta(days=1))
    assert shredder.purge_over() == 1
    assert not actions.file_of(sent).exists()
    assert list(Message.objects.all()) == [waiting]
