"""Phones, order numbers and codes in the one form in which they are compared, and hashed under the house's key."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata

from conversation.errors import BadSettings

MIN_KEY = 16
_CODE = re.compile(r"[0-9]{6}")
_MOBILE = re.compile(r"(?:(?:\+|00)?86)?(1[3-9][0-9]{9})")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{7,14}")
_ORDER = re.compile(r"(?=[A-Z0-9]*[0-9])[A-Z0-9]{6,40}")


def digest(kind: str, value: str, key: bytes) -> str:
    """`value` as one can compare but not read it: a phone number alone is guessed in seconds, so a key is needed.

    Raises `BadSettings` for a key under 16 bytes.
    """
    if len(key) < MIN_KEY:
        raise BadSettings(f"the key for hashing contact details needs at least {MIN_KEY} bytes")
    return hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def normal_phone(text: str) -> str | None:
    """A mobile number as it is compared: 11 digits for the mainland, `+…` abroad; None for anything else.

    Landlines are left out: they belong to shops and offices, not to one person.
    """
    bare = re.sub(r"[\s().\-]", "", unicodedata.normalize("NFKC", text))
    if found := _MOBILE.fullmatch(bare):
        return found.group(1)
    return bare if _ABROAD.fullmatch(bare) else None


def normal_order(text: str) -> str | None:
    """An order number as it is compared; None for what is too short or no number."""
    bare = re.sub(r"[\s\-_]", "", unicodedata.normalize("NFKC", text)).upper()
    return bare if _ORDER.fullmatch(bare) else None


def typed_code(text: str) -> str | None:
    """The six digits of a message that holds nothing else."""
    bare = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    return bare if _CODE.fullmatch(bare) else None
