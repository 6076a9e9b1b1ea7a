"""Join tokens: JWTs (RFC 7519) with one pinned algorithm and every claim required.

The clock is an argument: seconds of Unix time, read once at the edge. A token says who (``sub``), where
(``room``) and what (``grants``); it must be used within minutes and is good for one session of any
length.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

import jwt

from sfu.auth.grants import Grants, Role, grants_from_claim, grants_of
from sfu.auth.keys import SigningKey
from sfu.auth.reasons import DenialReason, TokenDenied
from sfu.base.ids import Identity, RoomId

ALGORITHM = "HS256"
MAX_TOKEN_CHARS = 4096
MAX_JOIN_S = 600
"""A join token that could be used longer is refused, whoever signed it (DESIGN section 8)."""
LEEWAY_S = 10.0
"""For clocks that differ between issuer and server. Lower breaks honest issuers."""

REQUIRED = ("exp", "aud", "iss", "jti", "sub", "room", "grants")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """What a token is to say."""

    room: RoomId
    identity: Identity
    role: Role
    ttl_s: int
    """1 to ``MAX_JOIN_S``: time to join."""
    issuer: str
    audience: str
    grants: Grants | None = None
    """None: the usual grants of the role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCheck:
    """What a credential is measured against."""

    room: RoomId
    issuer: str
    audience: str
    now_s: float
    """Unix time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """A verified credential: the only source of identity and rights."""

    room: RoomId
    identity: Identity = field(repr=False)
    role: Role
    grants: Grants
    jti: str = field(repr=False)
    """Id of the token or invite, for revocation."""
    exp: float
    """Unix time in seconds."""


def mint_token(key: SigningKey, request: TokenRequest, now_s: float) -> str:
    """Sign a join token.

    Raises:
        ValueError: ``ttl_s`` is out of range, or room or identity could not be verified later.
    """
    if not 0 < request.ttl_s <= MAX_JOIN_S:
        raise ValueError(f"ttl_s {request.ttl_s} is not in 1..{MAX_JOIN_S}")
    grants = request.grants if request.grants is not None else grants_of(request.role)
    claims: dict[str, object] = {
        "iss": request.issuer,
        "aud": request.audience,
        "sub": request.identity,
        "jti": new_jti(),
        "iat": int(now_s),
        "exp": int(now_s) + request.ttl_s,
        "room": request.room,
        "role": request.role.value,
        "grants": grants.as_claim(),
    }
    if not ROOM.fullmatch(request.room) or not IDENTITY.fullmatch(request.identity):
        raise ValueError("room or identity is not well-formed")
    return sign(key, claims)


def verify_token(key: SigningKey, text: str, check: TokenCheck) -> TokenClaims:
    """Check a join token for one room.

    Raises:
        TokenDenied: for every flaw the same code; ``reason`` is for counters.
    """
    claims = signed_claims(key, text, check, REQUIRED)
    expires_s = lifetime(claims, check.now_s, MAX_JOIN_S)
    identity = claims["sub"]
    grants = grants_from_claim(claims["grants"])
    if grants is None or not isinstance(identity, str) or not IDENTITY.fullmatch(identity):
        raise TokenDenied(DenialReason.BAD_CLAIM)
    return TokenClaims(
        room=check.room,
        identity=Identity(identity),
        role=role_claim(claims),
        grants=grants,
        jti=str(claims["jti"]),
        exp=expires_s,
    )


# ---- shared with invites ------------------------------------------------------------------------

ROOM = re.compile(r"[a-z0-9-]{1,64}")
IDENTITY = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
JTI = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_KID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_jti() -> str:
    """A fresh token id: 128 random bits."""
    return secrets.token_urlsafe(16)


def sign(key: SigningKey, claims: dict[str, object]) -> str:
    """Sign claims with the key's id in the header."""
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.key_id})


def signed_claims(
    key: SigningKey, text: str, check: TokenCheck, required: tuple[str, ...]
) -> dict[str, object]:
    """Claims of a token whose signature, header, audience, issuer, room and id are right.

    Raises:
        TokenDenied: anything is not. Times are not looked at: see ``lifetime``.
    """
    if len(text) > MAX_TOKEN_CHARS:
        raise TokenDenied(DenialReason.OVERSIZE)
    _check_header(key, text)
    claims = _decode(key, text)
    if any(name not in claims for name in required):
        raise TokenDenied(DenialReason.MISSING_CLAIM)
    # Compared here and not by the library: it accepts lists of audiences, we want this one only.
    if claims["aud"] != check.audience:
        raise TokenDenied(DenialReason.WRONG_AUDIENCE)
    if claims["iss"] != check.issuer:
        raise TokenDenied(DenialReason.WRONG_ISSUER)
    jti = claims["jti"]
    if not isinstance(jti, str) or not JTI.fullmatch(jti):
        raise TokenDenied(DenialReason.BAD_CLAIM)
    if claims["room"] != check.room or not ROOM.fullmatch(check.room):
        raise TokenDenied(DenialReason.WRONG_ROOM)
    return claims


def lifetime(claims: dict[str, object], now_s: float, longest_s: float) -> float:
    """Check ``exp``, ``nbf`` and ``iat`` against the clock. Returns ``exp``.

    Raises:
        TokenDenied: expired, not yet valid, too long a life, or not a time.
    """
    expires_s = _time(claims, "exp")
    if expires_s <= now_s - LEEWAY_S:
        raise TokenDenied(DenialReason.EXPIRED)
    if expires_s > now_s + longest_s + LEEWAY_S:
        raise TokenDenied(DenialReason.LIFETIME_TOO_LONG)
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now_s + LEEWAY_S:
            raise TokenDenied(DenialReason.NOT_YET_VALID)
    return expires_s


def role_claim(claims: dict[str, object]) -> Role:
    """The ``role`` claim; a token without one makes a guest.

    Raises:
        TokenDenied: it is there and is no role.
    """
    found = claims.get("role", Role.GUEST.value)
    if found not in [role.value for role in Role]:
        raise TokenDenied(DenialReason.BAD_CLAIM)
    return Role(str(found))


def _check_header(key: SigningKey, text: str) -> None:
    """Only ``alg``, ``typ`` and ``kid``, with the values we write: no algorithm is ever chosen by
    the token, no key is ever looked up or fetched for it."""
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenDenied(DenialReason.MALFORMED) from None
    kid = header.get("kid", key.key_id)
    known = set(header) <= {"alg", "typ", "kid"} and header.get("typ", "JWT") == "JWT"
    if not known or header.get("alg") != ALGORITHM or not isinstance(kid, str):
        raise TokenDenied(DenialReason.BAD_HEADER)
    if not _KID.fullmatch(kid) or kid != key.key_id:
        raise TokenDenied(DenialReason.BAD_HEADER)


def _decode(key: SigningKey, text: str) -> dict[str, object]:
    options: jwt.types.Options = {
        "verify_signature": True,
        # The library would use its own clock and softer rules; all of these are checked above.
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
        "verify_jti": False,
    }
    try:
        return dict(jwt.decode(text, key.secret, algorithms=[ALGORITHM], options=options))
    except jwt.InvalidSignatureError:
        raise TokenDenied(DenialReason.BAD_SIGNATURE) from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenDenied(DenialReason.MALFORMED) from None


def _time(claims: dict[str, object], name: str) -> float:
    found = claims[name]
    number = isinstance(found, int | float) and not isinstance(found, bool)
    if not number or not 0 <= float(str(found)) < 1e11:
        raise TokenDenied(DenialReason.BAD_CLAIM)
    return float(str(found))
