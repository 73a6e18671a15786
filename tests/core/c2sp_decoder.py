"""A second decoder of C2SP chunked-encryption v1, written from the specification alone; no code of Havre's.

HKDF-Expand is written out from RFC 5869 §2.3 with hmac; AES-GCM goes through the general cipher interface.
It reads the whole container at once and gives the whole message, with whatever the application put inside. `encode`
is its inverse for a salt that the caller chooses, which no other encoder here lets one do.
"""

import hashlib
import hmac
import itertools

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
    if len(input_key) != 32:
        raise Undecodable("key")
    if len(ciphertext) < 56:
        raise Undecodable("header")
    salt, commitment, body = ciphertext[0:24], ciphertext[24:56], ciphertext[56:]
    key, base_nonce, expected = derived(input_key, salt, context)
    if not hmac.compare_digest(expected, commitment):
        raise Undecodable("commitment")
    message = []
    for index in itertools.count():
        sealed = body[index * (16384 + 16) : (index + 1) * (16384 + 16)]
        if len(sealed) < 16:
            raise Undecodable("truncated")
        message.append(open_chunk(key, nonce(base_nonce, index), sealed))
        if len(sealed) < 16384 + 16:
            break
    return b"".join(message)


def encode(input_key: bytes, context: bytes, salt: bytes, message: bytes) -> bytes:
    """The ciphertext of a message."""
    key, base_nonce, commitment = derived(input_key, salt, context)
    ciphertext = [salt, commitment]
    for index in range(len(message) // 16384 + 1):
        encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce(base_nonce, index))).encryptor()
        chunk = encryptor.update(message[index * 16384 : (index + 1) * 16384]) + encryptor.finalize()
        ciphertext += [chunk, encryptor.tag]
    return b"".join(ciphertext)


def derived(input_key: bytes, salt: bytes, context: bytes) -> tuple[bytes, bytes, bytes]:
    """Key, base nonce and commitment of one message."""
    info = b"c2sp.org/chunked-encryption@v1+" + AEAD_NAME + b"\x00" + salt + context
    okm = hkdf_expand_sha512(input_key, info, 32 + 12 + 32)
    return okm[0:32], okm[32:44], okm[44:76]


def nonce(base_nonce: bytes, index: int) -> bytes:
    """The base nonce XOR the chunk's number, big-endian, as wide as the nonce."""
    counter = index.to_bytes(len(base_nonce), "big")
    return bytes(left ^ right for left, right in zip(base_nonce, counter, strict=True))


def open_chunk(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """One chunk, whose tag is its last 16 bytes."""
    decryptor = Cipher(algorithms.AES(key), modes.GCM(nonce, sealed[-16:])).decryptor()
    try:
        return decryptor.update(sealed[:-16]) + decryptor.finalize()
    except InvalidTag:
        raise Undecodable("chunk") from None
