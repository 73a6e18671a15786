"""Preparing and sending messages. The channel of today is a sealed file; gateways stand behind the same verbs."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from havre.core import container, epochs, sealing
from havre.core.keeper_client import Actor
from havre.outbox import notices
from havre.outbox.models import Message, State
from havre.outbox.notices import Notice

PART = "shared"  # of their subject's keys: the one that seals messages
ENDING = ".sealed"
CLAIM = timedelta(minutes=2)  # after which a killed worker's message is taken up again


def prepare(
    notice: Notice,
    *,
    subject: UUID,
    to: str,
    cause: str,
    cause_id: UUID,
    by: Actor,
    language: str,
    parameters: dict[str, str],
    window: timedelta = timedelta(hours=72),
) -> Message:
    """Write a message in the transaction of its cause; the same notice, cause and contact make one message."""
    now = timezone.now()
    fingerprint = f"{notice.key}|{cause}|{cause_id}|{sealing.blind(None, 'outbox.contact', to)[0]}"
    message = Message(
        subject=subject,
        notice=notice.key,
        language=language,
        cause=cause,
        cause_id=cause_id,
        dedup_key=hashlib.sha256(fingerprint.encode()).hexdigest(),
        not_before=now,
        expires_at=now + window,
        by=by.id,
    )
    sealing.seal(message, by=by, to=to, parameters=json.dumps(parameters, ensure_ascii=False))
    try:
        with transaction.atomic():  # a savepoint: a twin undoes this insert alone, not its cause
            message.save(force_insert=True)
    except IntegrityError:
        return Message.objects.get(dedup_key=message.dedup_key)
    return message


def send_due() -> int:
    """Send what is due; answers how many left. Claims one at a time, so that two workers never send the same one."""
    sent = 0
    while (message := _claimed()) is not None:
        sent += _send(message)
    return sent


def _claimed() -> Message | None:
    now = timezone.now()
    free = Q(state=State.PREPARED) | Q(state=State.SENDING, claimed_at__lt=now - CLAIM)
    for message in Message.objects.filter(free, not_before__lte=now).order_by("not_before")[:5]:
        if Message.objects.filter(free, pk=message.pk).update(state=State.SENDING, claimed_at=now):
            return message
    return None


def _send(message: Message) -> bool:
    notice = notices.get(message.notice)
    if timezone.now() > message.expires_at or not notice.still_true(message.cause_id):
        Message.objects.filter(pk=message.pk).update(state=State.EXPIRED)
        return False
    sealing.unseal([message], "to", "parameters", by=sealing.worker(), purpose="send")
    title, body = notice.words(message.language, json.loads(message.parameters))
    wrapped = _write_sealed(message, title, body)
    with transaction.atomic():
        epochs.must_be_current(message.subject, wrapped)
        Message.objects.filter(pk=message.pk).update(
            state=State.SENT, sent_at=timezone.now(), wrapped_key=wrapped
        )
    return True


def _write_sealed(message: Message, title: str, body: str) -> bytes:
    letter = EmailMessage()
    letter["To"], letter["Subject"] = message.to, title
    letter["Message-ID"] = f"<{message.id}@havre.invalid>"
    letter.set_content(body)
    dek, wrapped = sealing.keeper().seal_key(message.subject, PART)
    path = file_of(message)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    container.seal_to(path, _key(dek), _context(message), [letter.as_bytes()])
    return wrapped


def file_of(message: Message) -> Path:
    return Path(settings.OUTBOX_FILES) / f"{message.id}{ENDING}"


def id_of(path: Path) -> UUID | None:
    """Whose file this is, by its name."""
    try:
        return UUID(path.name.removesuffix(ENDING))
    except ValueError:
        return None


def letter(message: Message, *, by: Actor) -> bytes:
    """The message as it left (RFC 5322), for the demonstration's viewer alone."""
    dek = sealing.keeper().open_key(message.subject, PART, bytes(message.wrapped_key), by, "demo-viewer")
    with container.open_from(file_of(message), _key(dek), _context(message)) as opened:
        return b"".join(opened.chunks())


def verify(message: Message, dek: bytes) -> int:
    """Authenticate the file of a message that left; its size on the disk. ContainerDamaged or OSError."""
    return container.verify(file_of(message), _key(dek), _context(message))


def _key(dek: bytes) -> bytes:
    return container.derive(dek, "original")


def _context(message: Message) -> bytes:
    return f"havre/1|message|{message.subject}|{message.id}|1".encode()
