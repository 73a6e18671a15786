"""A second decoder of C2SP chunked-encryption v1, written from the specification alone; no code of Havre's.

HKDF-Expand is written out from RFC 5869 §2.3 with hmac; AES-GCM goes through the general cipher interface.
It reads the whole container at once and gives the whole message, with whatever the application put inside.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

AEAD_NAME = b"AEAD_AES_256_GCM"


class Undecodable(Exception):
    """The specification says that this is not a valid ciphertext."""


def hkdf_expand_sha512(prk: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 §2.3: T(i) = HMAC(prk, T(i-1) | info | i)."""
    okm, block = b"", b""
    counter = 1
    while len(okm) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha512).digest()
        okm += block
        counter += 1
    return okm[:length]


def decode(input_key: bytes, context: bytes, ciphertext: bytes) -> bytes:
    """The message of a whole ciphertext, or Undecodable."""
    if len(ciphertext) < 56:
        raise Undecodable("header")
    salt, commitment, body = ciphertext[0:24], ciphertext[24:56], ciphertext[56:]
    info = b"c2sp.org/chunked-encryption@v1+" + AEAD_NAME + b"\x00" + salt + context
    okm = hkdf_expand_sha512(input_key, info, 32 + 12 + 32)
    key, base_nonce, expected = okm[0:32], okm[32:44], okm[44:76]
    if not hmac.compare_digest(expected, commitment):
        raise Undecodable("commitment")
    message = b""
    index = 0
    while True:
        sealed, body = body[: 16384 + 16], body[16384 + 16 :]
        if len(sealed) < 16:
            raise Undecodable("truncated")
        chunk = open_chunk(key, base_nonce, index, sealed)
        message += chunk
        index += 1
        if len(chunk) < 16384:
            return message


def open_chunk(key: bytes, base_nonce: bytes, index: int, sealed: bytes) -> bytes:
    """One chunk: its nonce is the base nonce XOR its number, big-endian, as wide as the nonce."""
    counter = index.to_bytes(len(base_nonce), "big")
    nonce = bytes(left ^ right for left, right in zip(base_nonce, counter, strict=True))
    decryptor = Cipher(algorithms.AES(key), modes.GCM(nonce, sealed[-16:])).decryptor()
    try:
        return decryptor.update(sealed[:-16]) + decryptor.finalize()
    except InvalidTag:
        raise Undecodable(f"chunk {index}") from None
