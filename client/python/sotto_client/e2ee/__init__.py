"""End-to-end encryption of media for Python clients (docs/e2ee.md): the same bytes as the web client.

``session.E2eeSession`` is all that a client needs; the other modules are its parts.
"""

from sotto_client.e2ee.codecs import SealedCodec
from sotto_client.e2ee.drops import DropReason
from sotto_client.e2ee.interim import Member
from sotto_client.e2ee.room_secrets import SecretRefusedError
from sotto_client.e2ee.session import ANY_MICROPHONE, Dropped, E2eeSession, Expected, Opened

__all__ = [
    "ANY_MICROPHONE",
    "DropReason",
    "Dropped",
    "E2eeSession",
    "Expected",
    "Member",
    "Opened",
    "SealedCodec",
    "SecretRefusedError",
]
