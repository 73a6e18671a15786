"""A second implementation of Shamir's sharing, from the definition of the field alone, for cross-checks.

Bytes are polynomials over GF(2), multiplied as such and then divided by the modulus. Shares are sums of powers, and
the secret is found by solving the linear system of its coefficients.
"""

from collections.abc import Mapping, Sequence

MODULUS = 0b1_0001_1011


def product(a: int, b: int) -> int:
    """Multiply two polynomials bit by bit, then take the remainder of their long division."""
    carryless = 0
    for bit in range(8):
        if b >> bit & 1:
            carryless ^= a << bit
    for degree in range(14, 7, -1):
        if carryless >> degree & 1:
            carryless ^= MODULUS << (degree - 8)
    return carryless


INVERSES = {a: b for a in range(1, 256) for b in range(1, 256) if product(a, b) == 1}


def power(x: int, exponent: int) -> int:
    result = 1
    for _ in range(exponent):
        result = product(result, x)
    return result


def shares(coefficients: Sequence[bytes], n: int) -> dict[int, bytes]:
    """The n shares of the polynomials whose coefficients are given, that of degree 0 (the secret) first."""
    size = len(coefficients[0])
    result = {}
    for x in range(1, n + 1):
        share = bytearray(size)
        for degree, coefficient in enumerate(coefficients):
            for at in range(size):
                share[at] ^= product(coefficient[at], power(x, degree))
        result[x] = bytes(share)
    return result


def coefficients(given: Mapping[int, bytes]) -> list[bytes]:
    """All the coefficients, the secret first: Gauss's elimination on Vandermonde's matrix."""
    k = len(given)
    rows = [[*(power(x, degree) for degree in range(k)), *share] for x, share in given.items()]
    for column in range(k):
        pivot = next(row for row in rows[column:] if row[column])
        rows.remove(pivot)
        rows.insert(column, pivot)
        rows[column] = [product(INVERSES[pivot[column]], value) for value in pivot]
        for other in range(k):
            factor = rows[other][column]
            if other != column and factor:
                rows[other] = [a ^ product(factor, b) for a, b in zip(rows[other], rows[column], strict=True)]
    return [bytes(row[k:]) for row in rows]
