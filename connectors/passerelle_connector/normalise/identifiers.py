"""Identifiers: from what a row says to one canonical, checked form per kind.

Rules
-----
1. A wrong check digit or a form that cannot be is refused; it is reported and never matched.
2. A value of one repeated digit, or a word for "unknown", is no value.
3. Each parser takes text and the context of its row and returns the canonical form, or raises `Refused`
   with a code of `errors/codes/rows.toml`. No message holds the value.

The names in `PARSERS` are those of the key kinds in the catalogue.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import email_validator
import phonenumbers
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException
from stdnum import imei, imsi
from stdnum.at import vnr
from stdnum.be import bis, nn, vat
from stdnum.bg import egn
from stdnum.ch import ssn
from stdnum.cz import rc as cz_rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.it import codicefiscale
from stdnum.lt import asmens
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.si import emso
from stdnum.sk import rc as sk_rc
from stdnum.tr import tckimlik

from passerelle.groups import Group
from passerelle_connector.normalise import checksums
from passerelle_connector.normalise.countries import alpha3
from passerelle_connector.normalise.subject import PartialDate
from passerelle_connector.normalise.text import latin


class _Checked(Protocol):
    """A module of python-stdnum that checks one state's number."""

    def validate(self, number: str) -> str: ...


_PERSONAL: Final[Mapping[str, tuple[_Checked, ...]]] = {
    "AT": (vnr,), "BG": (egn,), "CH": (ssn,), "CZ": (cz_rc,), "DE": (idnr,), "DK": (cpr,), "EE": (ik,),
    "ES": (dni, nie), "FI": (hetu,), "FR": (nir,), "GR": (amka,), "HR": (oib,), "IE": (pps,),
    "IT": (codicefiscale,), "LT": (asmens,), "NL": (bsn,), "NO": (fodselsnummer,), "PL": (pesel,),
    "RO": (cnp,), "SE": (personnummer,), "SI": (emso,), "SK": (sk_rc,), "TR": (tckimlik,),
}  # fmt: skip
"""Personal numbers that have check digits, by state (alpha-2)."""
_PLATE: Final = re.compile(r"^[A-Z0-9]{2,10}$")
_VIN: Final = re.compile(r"^[A-HJ-NPR-Z0-9]{17}$")
_DOCUMENT: Final = re.compile(r"^(?=.*[0-9])[A-Z0-9]{5,20}$")
_ETHEREUM: Final = re.compile(r"^0[xX][0-9a-fA-F]{40}$")
_SEGWIT: Final = re.compile(r"^(bc|tb|ltc)1", re.IGNORECASE)
_HANDLE: Final = re.compile(r"^[^\s@:/]{2,64}$")
_NOT_ALNUM: Final = re.compile(r"[^A-Z0-9]+")


class Refused(Exception):
    """The value is no identifier of its kind; `code` is a row code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Context:
    """What a row or the configuration says beside the value.

    A region (alpha-2) and an issuing state or platform.
    """

    region: str = "BE"
    qualifier: str = ""


def national_number(text: str, context: Context) -> str:
    """Belgian national or BIS number: `BE` + 11 digits, mod 97.

    Another state's (alpha-2): checked where we can.
    """
    state = context.qualifier.upper() or "BE"
    if state != "BE":
        return state + _foreign_number(text, state)
    number = nn.compact(text)
    try:
        return "BE" + (nn.validate(number) if number[2:4] < "20" else bis.validate(number))
    except InvalidChecksum:
        raise Refused("row_check_digit_wrong") from None
    except ValidationError:
        raise Refused("row_identifier_invalid") from None


def _foreign_number(text: str, state: str) -> str:
    """A personal number of another state; checked where the state stands in `_PERSONAL`."""
    compact = _compact(text)
    if not _DOCUMENT.match(compact):
        raise Refused("row_identifier_invalid")
    refusal = ""
    for known in _PERSONAL.get(state, ()):
        try:
            return _compact(known.validate(text))
        except InvalidChecksum:
            refusal = "row_check_digit_wrong"
        except ValidationError:
            refusal = refusal or "row_identifier_invalid"
    if refusal:
        raise Refused(refusal)
    return compact


def spoken_by(number: str) -> tuple[PartialDate | None, str]:
    """Birth date and sex that a canonical Belgian number carries.

    Nothing where it holds a fictitious date.
    """
    if not number.startswith("BE"):
        return None, ""
    module = nn if number[4:6] < "20" else bis
    year, month, day = (read(number[2:]) for read in (nn.get_birth_year, nn.get_birth_month, _birth_day))
    birth = PartialDate(year, month or 0, day or 0) if year else None
    return birth, module.get_gender(number[2:]) or ""


def _birth_day(number: str) -> int | None:
    born = nn.get_birth_date(number)
    return born.day if born else None


def enterprise_number(text: str, context: Context) -> str:
    """Belgian enterprise number or VAT number: `BE` + 10 digits, mod 97."""
    del context
    try:
        return "BE" + str(vat.validate(text))
    except InvalidChecksum:
        raise Refused("row_check_digit_wrong") from None
    except ValidationError:
        raise Refused("row_identifier_invalid") from None


def document(text: str, context: Context) -> str:
    """Issuing state (alpha-3) + number in the ICAO 9303 character set.

    Without a state it is ambiguous: refused.
    """
    state = alpha3(context.qualifier) if context.qualifier else ""
    if not state:
        raise Refused("row_document_state_missing")
    number = _compact(text)
    if not _DOCUMENT.match(number):
        raise Refused("row_identifier_invalid")
    return f"{state}:{number}"


def phone(text: str, context: Context) -> str:
    """E.164, an extension after `;ext=` (RFC 3966). Gated on *possible*, because numbering plans move."""
    try:
        number = phonenumbers.parse(text, context.region)
    except phonenumbers.NumberParseException:
        raise Refused("row_identifier_invalid") from None
    if not phonenumbers.is_possible_number(number):
        raise Refused("row_identifier_invalid")
    form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{form};ext={number.extension}" if number.extension else form


def email(text: str, context: Context) -> str:
    """NFKC, lower case, ASCII (IDNA) domain; nothing specific to a provider is folded."""
    del context
    try:
        checked = email_validator.validate_email(
            unicodedata.normalize("NFKC", text), check_deliverability=False, allow_smtputf8=True
        )
    except email_validator.EmailNotValidError:
        raise Refused("row_identifier_invalid") from None
    return f"{checked.local_part.lower()}@{checked.ascii_domain.lower()}"


def account(text: str, context: Context) -> str:
    """IBAN in electronic form (ISO 13616); the word itself before the number is no part of it."""
    del context
    try:
        return str(IBAN(_compact(text).removeprefix("IBAN")).compact)
    except SchwiftyException as fault:
        wrong_digits = "Checksum" in type(fault).__name__
        raise Refused("row_check_digit_wrong" if wrong_digits else "row_identifier_invalid") from None


def plate(text: str, context: Context) -> str:
    """Country (alpha-2) + the plate without separators."""
    country = (context.qualifier or context.region).upper()
    compact = _compact(latin(text)[1])  # German plates have umlauts, which most registers write without dots
    if not _PLATE.match(compact) or compact.isalpha():
        raise Refused("row_identifier_invalid")
    return f"{country}:{compact}"


def vin(text: str, context: Context) -> str:
    """Vehicle identification number, 17 characters (ISO 3779); Europe does not use its check digit."""
    del context
    compact = _compact(text)
    if not _VIN.match(compact):
        raise Refused("row_identifier_invalid")
    return compact


def device(text: str, context: Context) -> str:
    """IMEI: 14 digits, check digit or software version taken off after it was checked."""
    del context
    try:
        return imei.validate(text)[:14]
    except InvalidChecksum:
        raise Refused("row_check_digit_wrong") from None
    except ValidationError:
        raise Refused("row_identifier_invalid") from None


def subscriber(text: str, context: Context) -> str:
    """IMSI: 15 digits."""
    del context
    try:
        number = imsi.validate(text)
    except ValidationError:
        raise Refused("row_identifier_invalid") from None
    if len(number) != 15:
        raise Refused("row_identifier_invalid")
    return number


def wallet(text: str, context: Context) -> str:
    """A cryptocurrency address whose check code holds: SegWit, Ethereum, base58check."""
    del context
    try:
        if _ETHEREUM.match(text):
            return checksums.eip55(text)
        if _SEGWIT.match(text):
            checksums.segwit(text)
            return text.lower()
        checksums.base58check(text)
    except ValueError:
        raise Refused("row_check_digit_wrong") from None
    return text


def handle(text: str, context: Context) -> str:
    """`platform:handle`, both lower case; the platform stands in the row or before the first colon."""
    platform, name = (context.qualifier, text) if context.qualifier else _cut(text)
    platform = platform.strip().lower()
    name = unicodedata.normalize("NFKC", name).strip().lower().lstrip("@")
    if not platform or not _HANDLE.match(name):
        raise Refused("row_identifier_invalid")
    return f"{platform}:{name}"


def ip_address(text: str, context: Context) -> str:
    """RFC 5952; private, loopback, reserved and multicast addresses identify nobody."""
    del context
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise Refused("row_identifier_invalid") from None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    meant = mapped or address
    if not meant.is_global or meant.is_multicast:
        raise Refused("row_value_placeholder")
    return str(meant)


def _compact(text: str) -> str:
    """Letters and digits alone; refuses letters outside A-Z: dropping one would make another number."""
    upper = unicodedata.normalize("NFKC", text).upper()
    if any(char.isalnum() and not char.isascii() for char in upper):
        raise Refused("row_identifier_invalid")
    return _NOT_ALNUM.sub("", upper)


def _cut(text: str) -> tuple[str, str]:
    platform, _, name = text.partition(":")
    return platform, name


Parser = Callable[[str, Context], str]
PARSERS: Final[Mapping[str, tuple[Group, Parser]]] = {
    "national number": (Group.NATIONAL_NUMBER, national_number),
    "enterprise number": (Group.ORGANISATION_NUMBER, enterprise_number),
    "document": (Group.DOCUMENT, document),
    "phone": (Group.PHONE, phone),
    "e-mail": (Group.EMAIL, email),
    "IBAN": (Group.ACCOUNT, account),
    "plate": (Group.VEHICLE, plate),
    "VIN": (Group.VEHICLE, vin),
    "IMEI": (Group.DEVICE, device),
    "IMSI": (Group.DEVICE, subscriber),
    "wallet": (Group.WALLET, wallet),
    "handle": (Group.HANDLE, handle),
    "IP address": (Group.IP_ADDRESS, ip_address),
}
