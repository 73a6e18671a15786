"""Shamir's secret sharing over GF(256) (A. Shamir, "How to share a secret", 1979), byte by byte.

The field is that of AES: polynomials modulo x^8 + x^4 + x^3 + x + 1. Share number x, from 1, holds f(x) for each
byte of the secret, f being a random polynomial of degree k - 1 whose value at 0 is that byte. Fewer than k
shares tell nothing. No branch and no table index depends on a secret.
"""

from collections.abc import Mapping
from functools import reduce
from os import urandom

MAX_SHARES = 255


def split(secret: bytes, k: int, n: int) -> dict[int, bytes]:
    """n shares of the secret's length, by number, any k of which give it back; 1 <= k <= n <= 255."""
    if not 1 <= k <= n <= MAX_SHARES:
        raise ValueError(f"{k} of {n} shares")
    coefficients = [secret, *(urandom(len(secret)) for _ in range(k - 1))]
    return {x: bytes(_value(byte, x) for byte in zip(*coefficients, strict=True)) for x in range(1, n + 1)}


def combine(shares: Mapping[int, bytes]) -> bytes:
    """The secret of exactly k shares of one split; of fewer, or of mixed ones, random bytes."""
    weights = {x: _weight(x, shares) for x in shares}
    size = len(next(iter(shares.values())))
    secret = bytes(size)
    for x, share in shares.items():
        secret = bytes(a ^ times(weights[x], b) for a, b in zip(secret, share, strict=True))
    return secret


def times(a: int, b: int) -> int:
    """The product of two bytes in the field."""
    product = 0
    for _ in range(8):
        product ^= a & -(b & 1)
        a = (a << 1) ^ (0x11B & -(a >> 7))
        b >>= 1
    return product


def inverse(a: int) -> int:
    """1 / a, which is a^254; 0 of 0."""
    power = reduce(lambda power, _: times(times(power, power), a), range(6), a)
    return times(power, power)


def _value(coefficients: tuple[int, ...], x: int) -> int:
    """The polynomial at x, by Horner's rule."""
    return reduce(lambda value, coefficient: times(value, x) ^ coefficient, reversed(coefficients), 0)


def _weight(x: int, numbers: Mapping[int, bytes]) -> int:
    """Lagrange's coefficient of share x at 0: the product of y / (y - x) over the others."""
    others = [y for y in numbers if y != x]
    return reduce(times, (times(y, inverse(y ^ x)) for y in others), 1)
