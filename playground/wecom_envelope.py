"""The WXBiz envelope as the platform makes and opens it, stricter than libraries are; media ciphertext too.

Protocol: https://developer.work.weixin.qq.com/document/path/91144 and /100719 (media).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAD_BLOCK = 32  # PKCS7 with block 32, not AES's 16: document/path/91144


class BrokenEnvelope(ValueError):
    """The envelope was not made by the rules; the text says which one. Nothing inside can be trusted."""


class WecomEnvelope:
    """Seals and opens with one Token / EncodingAESKey pair; `receive_id` is empty for an enterprise's own AI bot."""

    def __init__(self, token: str, encoding_aes_key: str, receive_id: str = "") -> None:
        self._token = token
        self._receive_id = receive_id.encode()
        self._key = base64.b64decode(encoding_aes_key + "=")
        if len(self._key) != 32:
            raise ValueError("EncodingAESKey must be 43 characters that hold 32 bytes")

    def signature(self, timestamp: str, nonce: str, encrypt: str) -> str:
        """Give the hex SHA-1 that goes into msg_signature."""
        joined = "".join(sorted([self._token, timestamp, nonce, encrypt]))
        return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()

    def seal(self, plaintext: str | bytes, timestamp: str, nonce: str) -> tuple[str, str]:
        """Give (encrypt, signature) for a text, or for bytes that may be no UTF-8."""
        body = plaintext.encode() if isinstance(plaintext, str) else plaintext
        packed = secrets.token_bytes(16) + len(body).to_bytes(4, "big") + body + self._receive_id
        encrypt = base64.b64encode(self.encrypt_media(packed)).decode()
        return encrypt, self.signature(timestamp, nonce, encrypt)

    def open(self, encrypt: str, signature: str, timestamp: str, nonce: str) -> str:
        """Check the signature and give the text inside. BrokenEnvelope if any rule is broken."""
        if not hmac.compare_digest(self.signature(timestamp, nonce, encrypt).encode(), signature.encode()):
            raise BrokenEnvelope("signature does not fit")
        try:
            packed = self.decrypt_media(base64.b64decode(encrypt, validate=True))
        except binascii.Error as broken:
            raise BrokenEnvelope("encrypt is not base64") from broken
        end = 20 + int.from_bytes(packed[16:20], "big")
        if len(packed) < 20 or end > len(packed):
            raise BrokenEnvelope("length field points beyond the end")
        if packed[end:] != self._receive_id:
            raise BrokenEnvelope(f"receiveid is {packed[end:]!r}, not {self._receive_id!r}")
        try:
            return packed[20:end].decode()
        except UnicodeDecodeError as broken:
            raise BrokenEnvelope("message is not UTF-8") from broken

    def encrypt_media(self, content: bytes) -> bytes:
        """Give the bytes that a media URL serves: no prefix, no length, no receiveid."""
        pad = PAD_BLOCK - len(content) % PAD_BLOCK
        encryptor = self._cipher().encryptor()
        return encryptor.update(content + bytes([pad]) * pad) + encryptor.finalize()

    def decrypt_media(self, ciphertext: bytes) -> bytes:
        """Undo `encrypt_media`. BrokenEnvelope if the padding is not PKCS7 with block 32."""
        if not ciphertext or len(ciphertext) % PAD_BLOCK:
            raise BrokenEnvelope("ciphertext is not a whole number of 32-byte blocks")
        decryptor = self._cipher().decryptor()
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= PAD_BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise BrokenEnvelope("padding is not PKCS7 with block 32")
        return padded[:-pad]

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16]))
