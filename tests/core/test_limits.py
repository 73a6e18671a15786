"""Token buckets: never more than the allowance, which comes back evenly."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from havre.core import limits
from havre.core.limits import Bucket, take
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 6),
    st.integers(1, 120),
    st.lists(st.floats(0, 40, allow_nan=False), min_size=1, max_size=25),
)
def test_no_window_ever_gives_more_than_the_allowance_and_what_came_back(
    capacity: int, seconds: int, pauses: list[float]
) -> None:
    Bucket._default_manager.all().delete()
    taken, at = [], 0.0
    per = timedelta(seconds=seconds)
    with time_machine.travel(NOW, tick=False) as clock:
        for pause in pauses:
            clock.shift(pause)
            at += pause
            if take("x", capacity=capacity, per=per) is None:
                taken.append(at)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            allowed = capacity + (taken[last] - start) * capacity / seconds
            assert last - first + 1 <= allowed + 0.01


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 10), st.integers(1, 3600))
def test_an_allowance_comes_back_evenly_and_says_when(capacity: int, seconds: int) -> None:
    Bucket._default_manager.all().delete()
    per = timedelta(seconds=seconds)
    with time_machine.travel(NOW, tick=False) as clock:
        assert [take("x", capacity=capacity, per=per) for _one in range(capacity)] == [None] * capacity
        wait = take("x", capacity=capacity, per=per)
        assert wait is not None
        assert wait.total_seconds() == pytest.approx(seconds / capacity, abs=0.001)
        clock.shift(wait * 0.9)
        assert take("x", capacity=capacity, per=per) is not None
        clock.shift(wait * 0.1 + timedelta(milliseconds=1))
        assert take("x", capacity=capacity, per=per) is None
        assert take("x", capacity=capacity, per=per) is not None


def test_a_long_rest_gives_no_more_than_the_whole(clock: time_machine.Traveller) -> None:
    minute = timedelta(minutes=1)
    take("x", capacity=3, per=minute)
    clock.shift(timedelta(days=30))
    assert [take("x", capacity=3, per=minute) is None for _one in range(4)] == [True, True, True, False]


def test_a_clock_set_back_takes_nothing_and_gives_nothing(clock: time_machine.Traveller) -> None:
    minute = timedelta(minutes=1)
    for _one in range(2):
        take("x", capacity=2, per=minute)
    clock.shift(-3600)
    assert take("x", capacity=2, per=minute) is not None


def test_each_name_has_its_own_allowance_and_is_not_kept(clock: time_machine.Traveller) -> None:
    minute = timedelta(minutes=1)
    assert take("claire@exemple.test", capacity=1, per=minute) is None
    assert take("driss@exemple.test", capacity=1, per=minute) is None
    assert take("claire@exemple.test", capacity=1, per=minute) is not None
    assert not any("exemple" in bucket.key for bucket in Bucket._default_manager.all())
    limits.give_back("claire@exemple.test")
    assert take("claire@exemple.test", capacity=1, per=minute) is None


@pytest.mark.django_db(transaction=True)
def test_processes_count_together() -> None:
    barrier, given_ = threading.Barrier(6), []

    def one() -> None:
        try:
            barrier.wait(10)
            given_.append(take("x", capacity=3, per=timedelta(hours=1)) is None)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _one in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sum(given_) == 3
    assert len(given_) == 6
