"""Check codes computed by hand, because no permissive library covers them.

Sources: base58check (Bitcoin wiki), bech32 and bech32m (BIP 173, BIP 350), EIP-55 with Keccak-256 (the
original Keccak padding, not SHA-3). Each function raises `ValueError` without the value in its message.
"""

from __future__ import annotations

import hashlib
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANT: Final = 1
_BECH32M_CONSTANT: Final = 0x2BC830A3
_RATE: Final = 136
_MASK: Final = (1 << 64) - 1
_ROUND_CONSTANTS: Final = (
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
)  # fmt: skip
_ROTATIONS: Final = (
    (0, 36, 3, 41, 18), (1, 44, 10, 45, 2), (62, 6, 43, 15, 61), (28, 55, 25, 21, 56), (27, 20, 39, 8, 14),
)  # fmt: skip


def base58check(text: str) -> bytes:
    """Version byte and payload of a base58check string.

    Raises:
        ValueError: a character outside the alphabet, or a wrong check code.
    """
    number = 0
    for char in text:
        number = number * 58 + _BASE58.index(char)
    zeros = len(text) - len(text.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, check = raw[:-4], raw[-4:]
    if len(raw) < 5 or hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != check:
        raise ValueError("wrong check code")
    return payload


def segwit(text: str) -> None:
    """Check a SegWit address: bech32 for witness version 0, bech32m above (Taproot).

    Raises:
        ValueError: mixed case, bad alphabet, wrong check code or wrong program length.
    """
    if text not in (text.lower(), text.upper()):
        raise ValueError("mixed case")
    prefix, _, data = text.lower().rpartition("1")
    values = [_BECH32.index(char) for char in data]
    if not prefix or len(values) < 8 or len(text) > 90:
        raise ValueError("wrong length")
    expanded = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    constant = _BECH32_CONSTANT if values[0] == 0 else _BECH32M_CONSTANT
    if _polymod([*expanded, *values]) != constant:
        raise ValueError("wrong check code")
    program = (len(values) - 7) * 5 // 8
    if values[0] > 16 or not 2 <= program <= 40 or (values[0] == 0 and program not in (20, 32)):
        raise ValueError("wrong program")


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check


def eip55(address: str) -> str:
    """The lower-case form of an Ethereum address `0x` + 40 hexadecimal digits.

    An address in one case only carries no check code and is taken as it is.

    Raises:
        ValueError: mixed case that is not the EIP-55 form.
    """
    digits = address[2:]
    lower = digits.lower()
    if digits not in (lower, digits.upper()):
        digest = keccak256(lower.encode("ascii")).hex()
        mixed = (c.upper() if int(h, 16) >= 8 else c for c, h in zip(lower, digest, strict=False))
        if "".join(mixed) != digits:
            raise ValueError("wrong check code")
    return f"0x{lower}"


def keccak256(data: bytes) -> bytes:
    """Keccak-256 of at most a few blocks; 32 bytes. Slow, meant for addresses."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for index in range(_RATE // 8):
            word = int.from_bytes(padded[start + 8 * index : start + 8 * index + 8], "little")
            lanes[index % 5][index // 5] ^= word
        lanes = _permute(lanes)
    return b"".join(lanes[index % 5][index // 5].to_bytes(8, "little") for index in range(4))


def _permute(a: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600]; lanes are indexed [x][y]."""
    for constant in _ROUND_CONSTANTS:
        c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        d = [c[(x - 1) % 5] ^ _rotate(c[(x + 1) % 5], 1) for x in range(5)]
        a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                b[y][(2 * x + 3 * y) % 5] = _rotate(a[x][y], _ROTATIONS[x][y])
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y] & _MASK) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return a


def _rotate(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK if by else word
