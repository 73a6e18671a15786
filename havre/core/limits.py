"""How often: token buckets in one table, so that every web process counts together."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.db import models, transaction
from django.utils import timezone


class Bucket(models.Model):
    """What is left of an allowance: `level` tokens at `at`; the key is hashed, since it may name somebody."""

    key = models.CharField(max_length=64, primary_key=True)
    level = models.FloatField()
    at = models.DateTimeField()

    class Meta:
        app_label = "core"

    def __str__(self) -> str:
        return self.key


@transaction.atomic
def take(name: str, *, capacity: int, per: timedelta) -> timedelta | None:
    """Take one of `capacity` tokens that come back evenly over `per`. None when taken, else how long to wait."""
    now = timezone.now()
    rate = capacity / per.total_seconds()
    key = hashlib.sha256(name.encode()).hexdigest()
    bucket, _ = Bucket._default_manager.select_for_update().get_or_create(
        key=key, defaults={"level": capacity, "at": now}
    )
    level = min(capacity, bucket.level + max(0.0, (now - bucket.at).total_seconds()) * rate)
    if level < 1:
        return timedelta(seconds=(1 - level) / rate)
    Bucket._default_manager.filter(key=key).update(level=level - 1, at=now)
    return None


def purge() -> int:
    """Remove the allowances that nobody has used for a day: they are full again."""
    return Bucket._default_manager.filter(at__lt=timezone.now() - timedelta(days=1)).delete()[0]


def give_back(name: str) -> None:
    """Forget an allowance's use, after a success."""
    Bucket._default_manager.filter(key=hashlib.sha256(name.encode()).hexdigest()).delete()
