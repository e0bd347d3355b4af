"""libsodium's ristretto255, bound by ctypes: the only code that does arithmetic on secrets.

Rules
-----
1. The operating system's library comes first, because the system patches it. `rbcl`, which bundles libsodium
   1.0.18, is the fallback and is imported only then: each import of it leaves a copy of the library in the
   temporary folder, which is removed here as soon as it is mapped.
2. Long operations (tens of microseconds) release the interpreter lock, so threads scale. Short ones on
   scalars keep it: giving it up costs more than they take.
3. Every entry takes addresses of buffers whose lengths the caller has checked; nothing here checks them.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from passerelle.errors import PasserelleError

Entry = Callable[..., int]

SYSTEM_NAMES: Final = ("libsodium.so.26", "libsodium.so.23", "libsodium.26.dylib", "libsodium.23.dylib")
"""Names by ABI version, tried before `find_library`, which starts a compiler to look around."""


@dataclass(frozen=True, slots=True)
class Sodium:
    """The entry points we use; each gives 0, or -1 where an operand is refused. `source`: `system` or `rbcl`.

    Operands are addresses, the result first: `multiply(out 32, scalar 32, element 32)`, `multiply_base(out,
    scalar)`, `add(out, element, element)`, `from_uniform(out, 64 bytes)`, `is_valid(element)`; on scalars
    `scalar_multiply(out, a, b)`, `scalar_add`, `scalar_subtract`, `scalar_invert(out, a)`,
    `scalar_reduce(out, 64 bytes)`, `scalar_random(out)`.
    """

    source: str
    multiply: Entry
    multiply_base: Entry
    add: Entry
    from_uniform: Entry
    is_valid: Entry
    scalar_multiply: Entry
    scalar_add: Entry
    scalar_subtract: Entry
    scalar_invert: Entry
    scalar_reduce: Entry
    scalar_random: Entry


def load() -> Sodium:
    """The system's library, else the bundled one.

    Raises:
        PasserelleError: `oprf_library_missing`.
    """
    for find in (system, bundled):
        with contextlib.suppress(OSError, ImportError, AttributeError):
            return find()
    raise PasserelleError("oprf_library_missing", "neither a system libsodium nor rbcl")


def system(names: Iterable[str] = SYSTEM_NAMES) -> Sodium:
    """The operating system's library.

    Raises:
        OSError: there is none.
        AttributeError: it was built without ristretto255.
    """
    for name in names:
        with contextlib.suppress(OSError):
            return _bind(name, "system")
    found = ctypes.util.find_library("sodium")
    if found is None:
        raise OSError("no libsodium")
    return _bind(found, "system")


def bundled() -> Sodium:
    """The library that rbcl carries.

    Raises:
        ImportError: rbcl is not installed.
        OSError: its library cannot be mapped.
    """
    import rbcl  # noqa: PLC0415 - only here: importing it writes a file of 2.8 MB

    copy: str = importlib.import_module(f"{rbcl.__name__}._sodium").lib_path
    sodium = _bind(copy, "rbcl")
    with contextlib.suppress(OSError):
        Path(copy).unlink()
    return sodium


def _bind(name: str, source: str) -> Sodium:
    releasing, keeping = ctypes.CDLL(name), ctypes.PyDLL(name)
    if releasing.sodium_init() < 0:
        raise OSError("libsodium cannot initialise itself")
    core = "crypto_core_ristretto255_"
    return Sodium(
        source=source,
        multiply=_entry(releasing, "crypto_scalarmult_ristretto255", 3),
        multiply_base=_entry(releasing, "crypto_scalarmult_ristretto255_base", 2),
        add=_entry(releasing, core + "add", 3),
        from_uniform=_entry(releasing, core + "from_hash", 2),
        is_valid=_entry(releasing, core + "is_valid_point", 1),
        scalar_multiply=_entry(keeping, core + "scalar_mul", 3),
        scalar_add=_entry(keeping, core + "scalar_add", 3),
        scalar_subtract=_entry(keeping, core + "scalar_sub", 3),
        scalar_invert=_entry(keeping, core + "scalar_invert", 2),
        scalar_reduce=_entry(keeping, core + "scalar_reduce", 2),
        scalar_random=_entry(keeping, core + "scalar_random", 1),
    )


def _entry(library: ctypes.CDLL, name: str, operands: int) -> Entry:
    entry = getattr(library, name)
    entry.argtypes = [ctypes.c_void_p] * operands
    entry.restype = ctypes.c_int
    bound: Entry = entry
    return bound
