"""Shamir's sharing: any k of n, never fewer, the same as a second implementation and as recorded shares."""

import hashlib
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.keeper.roots import shamir
from tests.keeper import gf256_second as second

SECRET = bytes(range(32))
SPLITS = [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (4, 4), (5, 7)]
BYTES = st.integers(0, 255)

# The shares of SECRET whose random coefficients are SHA-256 of "havre 0", "havre 1"… They were combined once by
# another program too, a port of HashiCorp Vault's (pyshamir 1.1.0).
RECORDED = {
    (2, 3): {
        1: "47048fd8873f55a7f7c05c93077d1545aa7df4b57d0761d0dd295b23ca97068f",
        2: "8e0b03ae1971a05ced80a6201aed389b7fc9c544c631f8828979986bab122e24",
        3: "c90e8e759a4bf3fc1249f0b8119d23d1c5a523e2af238f454c49d9537d9836b4",
    },
    (3, 5): {
        1: "1d4cc20eba1f04a1db2efdb2471446634ef5e9a1eaa06b899ed46a54da08f5af",
        2: "fd302cdbedf1ff445d1514a401526f03c2dfb114ac9bd0fd9ea05caceb58cfa4",
        3: "e07decd653ebfde28e32e31d4a4b276f9c3b4aa6522ead63186d2ce32d4d2414",
        4: "d0f9bc8dc3db36d12f62b77b4c1c256a0ce26ce618c371c17d9038ca7230d75f",
        5: "cdb47c807dc13477fc4540c207056d0652069754e6760c5ffb5d4885b4253cef",
    },
}


@pytest.mark.parametrize(
    ("a", "b", "product"), [(0x57, 0x83, 0xC1), (0x57, 0x13, 0xFE), (0, 9, 0), (1, 9, 9)]
)
def test_products_are_those_of_aes(a: int, b: int, product: int) -> None:
    """FIPS 197, §4.2 and §4.2.1."""
    assert shamir.times(a, b) == shamir.times(b, a) == product


def test_the_field_is_that_of_the_second_implementation() -> None:
    pairs = [(a, b) for a in range(256) for b in range(256)]
    assert [shamir.times(*pair) for pair in pairs] == [second.product(*pair) for pair in pairs]
    assert {a: shamir.inverse(a) for a in range(1, 256)} == second.INVERSES


@pytest.mark.parametrize(("k", "n"), SPLITS)
def test_any_k_shares_give_the_secret_back(k: int, n: int) -> None:
    shares = shamir.split(SECRET, k, n)
    assert sorted(shares) == list(range(1, n + 1))
    for some in combinations(shares.items(), k):
        assert shamir.combine(dict(some)) == SECRET
        assert second.coefficients(dict(some))[0] == SECRET


@given(st.binary(min_size=1, max_size=40), st.integers(1, 6), st.integers(0, 4), st.data())
@settings(max_examples=60, deadline=None)
def test_shares_made_here_or_there_open_there_or_here(
    secret: bytes, k: int, more: int, data: st.DataObject
) -> None:
    others = data.draw(
        st.lists(st.binary(min_size=len(secret), max_size=len(secret)), min_size=k - 1, max_size=k - 1)
    )
    ours, theirs = shamir.split(secret, k, k + more), second.shares([secret, *others], k + more)
    numbers = data.draw(st.permutations(range(1, k + more + 1)))[:k]
    assert second.coefficients({x: ours[x] for x in numbers})[0] == secret
    assert shamir.combine({x: theirs[x] for x in numbers}) == secret


@pytest.mark.parametrize("split", RECORDED)
def test_the_recorded_shares_are_still_made(split: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    chance = (hashlib.sha256(b"havre %d" % number).digest() for number in range(split[0] - 1))
    monkeypatch.setattr(shamir, "urandom", lambda size: next(chance)[:size])
    made = {x: share.hex() for x, share in shamir.split(SECRET, *split).items()}
    assert made == RECORDED[split]


@pytest.mark.parametrize("split", RECORDED)
def test_the_recorded_shares_still_open(split: tuple[int, int]) -> None:
    shares = {x: bytes.fromhex(share) for x, share in RECORDED[split].items()}
    for some in combinations(shares.items(), split[0]):
        assert shamir.combine(dict(some)) == SECRET


@given(st.binary(min_size=1, max_size=1), st.binary(min_size=1, max_size=1))
@settings(max_examples=30, deadline=None)
def test_two_shares_of_three_agree_with_every_secret(secret: bytes, other: bytes) -> None:
    """Whatever the secret is, some third share completes the two that are known: they tell nothing."""
    known = dict(list(shamir.split(secret, 3, 5).items())[:2])
    completed = {second.coefficients({**known, 3: bytes([third])})[0] for third in range(256)}
    assert other in completed
    assert len(completed) == 256


def test_one_share_of_two_is_drawn_evenly() -> None:
    """Each byte of a share takes every value, zero included: 40 draws of each are awaited."""
    drawn = Counter(byte for _ in range(40) for byte in shamir.split(bytes(256), 2, 2)[1])
    assert len(drawn) == 256
    assert max(drawn.values()) < 40 + 8 * 40**0.5


def test_too_few_shares_or_mixed_ones_give_something_else() -> None:
    first, again = shamir.split(SECRET, 3, 5), shamir.split(SECRET, 3, 5)
    assert shamir.combine({1: first[1], 2: first[2]}) != SECRET
    assert shamir.combine({1: first[1], 2: first[2], 3: again[3]}) != SECRET
    assert shamir.combine({1: first[1], 2: first[2], 4: first[3]}) != SECRET


@pytest.mark.parametrize(("k", "n"), [(0, 3), (4, 3), (2, 256), (-1, 2)])
def test_a_split_that_cannot_be_is_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"{k} of {n}"):
        shamir.split(SECRET, k, n)
