"""Who may do what: signing key, grants, join tokens, invites. Sans-IO but for reading the key file."""

from __future__ import annotations

from sfu.auth.grants import Grants, Role, grants_of
from sfu.auth.invites import InviteRequest, exchange_invite, mint_invite
from sfu.auth.keys import SigningKey
from sfu.auth.reasons import DenialReason, TokenDenied
from sfu.auth.token import TokenCheck, TokenClaims, TokenRequest, mint_token, verify_token

__all__ = [
    "DenialReason",
    "Grants",
    "InviteRequest",
    "Role",
    "SigningKey",
    "TokenCheck",
    "TokenClaims",
    "TokenDenied",
    "TokenRequest",
    "exchange_invite",
    "grants_of",
    "mint_invite",
    "mint_token",
    "verify_token",
]
