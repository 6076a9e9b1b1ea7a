"""Invites: what a room link carries in ``i=``. Exchanged at join for the rights of a role.

An invite is signed like a join token but for another audience, so that neither passes as the other. It
names a room, a role and an end, no person: each use makes a fresh random identity.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from sfu.auth.grants import Role, grants_of
from sfu.auth.keys import SigningKey
from sfu.auth.reasons import DenialReason, TokenDenied
from sfu.auth.token import (
    ROOM,
    TokenCheck,
    TokenClaims,
    lifetime,
    new_jti,
    role_claim,
    sign,
    signed_claims,
)
from sfu.base.ids import Identity, RoomId

MAX_INVITE_S = 366 * 86_400
REQUIRED = ("exp", "aud", "iss", "jti", "room", "role")


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteRequest:
    """What an invite is to say."""

    room: RoomId
    role: Role
    ttl_s: int
    """1 to ``MAX_INVITE_S``."""
    issuer: str
    audience: str
    """The audience of join tokens; the invite's own is derived."""


def mint_invite(key: SigningKey, request: InviteRequest, now_s: float) -> str:
    """Sign an invite.

    Raises:
        ValueError: ``ttl_s`` is out of range or the room's name is not well-formed.
    """
    if not 0 < request.ttl_s <= MAX_INVITE_S:
        raise ValueError(f"ttl_s {request.ttl_s} is not in 1..{MAX_INVITE_S}")
    if not ROOM.fullmatch(request.room):
        raise ValueError("room is not well-formed")
    return sign(
        key,
        {
            "iss": request.issuer,
            "aud": invite_audience(request.audience),
            "jti": new_jti(),
            "exp": int(now_s) + request.ttl_s,
            "room": request.room,
            "role": request.role.value,
        },
    )


def exchange_invite(key: SigningKey, text: str, check: TokenCheck) -> TokenClaims:
    """Check an invite for one room and give its bearer a fresh identity.

    ``check.audience`` is the audience of join tokens. The claims' ``jti`` is the invite's, so that
    revoking it revokes every later use.

    Raises:
        TokenDenied: for every flaw the same code; ``reason`` is for counters.
    """
    check = replace(check, audience=invite_audience(check.audience))
    claims = signed_claims(key, text, check, REQUIRED)
    expires_s = lifetime(claims, check.now_s, MAX_INVITE_S)
    role = role_claim(claims)
    if "grants" in claims or "sub" in claims:
        raise TokenDenied(DenialReason.BAD_CLAIM)  # not made by us: an invite names no person
    return TokenClaims(
        room=check.room,
        identity=guest_identity(),
        role=role,
        grants=grants_of(role),
        jti=str(claims["jti"]),
        exp=expires_s,
    )


def guest_identity() -> Identity:
    """A fresh identity for somebody no token names: 128 random bits."""
    return Identity(f"guest-{secrets.token_urlsafe(16)}")


def invite_audience(audience: str) -> str:
    """The audience of invites, for that of join tokens."""
    return f"{audience}/invite"
