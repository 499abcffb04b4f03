"""The Feishu event envelope as the platform makes it: AES-256-CBC, PKCS7 block 16, SHA-256 signature.

Protocol: https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypt(encrypt_key: str, plaintext: str | bytes) -> str:
    """Give base64(iv ‖ ciphertext); the AES key is the SHA-256 of the encrypt key."""
    iv = secrets.token_bytes(16)
    padder = padding.PKCS7(128).padder()
    raw = plaintext.encode() if isinstance(plaintext, str) else plaintext
    padded = padder.update(raw) + padder.finalize()
    encryptor = _cipher(encrypt_key, iv).encryptor()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(encrypt_key: str, sealed: str) -> str:
    """Undo `encrypt`. ValueError if it was not made with this key."""
    raw = base64.b64decode(sealed, validate=True)
    decryptor = _cipher(encrypt_key, raw[:16]).decryptor()
    padded = decryptor.update(raw[16:]) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def signature(encrypt_key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Give X-Lark-Signature for the raw body bytes."""
    return hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()


def seal(encrypt_key: str, payload: dict[str, Any], now: float) -> tuple[bytes, dict[str, str]]:
    """Give (body, headers) of one webhook post; without an encrypt key the body is plain and unsigned."""
    plain = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": secrets.token_hex(16)}
    if not encrypt_key:
        return plain.encode(), headers
    body = json.dumps({"encrypt": encrypt(encrypt_key, plain)}).encode()
    timestamp, nonce = str(int(now)), str(secrets.randbelow(10**9))
    signed = {
        "X-Lark-Request-Timestamp": timestamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": signature(encrypt_key, timestamp, nonce, body),
    }
    return body, headers | signed


def _cipher(encrypt_key: str, iv: bytes) -> Cipher[modes.CBC]:
    return Cipher(algorithms.AES(hashlib.sha256(encrypt_key.encode()).digest()), modes.CBC(iv))
