"""ICE and TURN credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from sfu.transport.ice_credentials import ICE_CHARS, new_ice_credentials
from sfu.transport.turn import MAX_TTL_S, turn_credentials


def test_ice_credentials_follow_rfc_8445() -> None:
    seen = [new_ice_credentials() for _ in range(100)]
    for credentials in seen:
        assert set(credentials.ufrag + credentials.pwd) <= set(ICE_CHARS)
        assert 4 <= len(credentials.ufrag) <= 256
        assert 22 <= len(credentials.pwd) <= 256
    assert len({c.ufrag for c in seen}) == len({c.pwd for c in seen}) == len(seen)
    assert len(ICE_CHARS) == 64


def test_ice_password_does_not_show() -> None:
    credentials = new_ice_credentials()
    assert credentials.pwd not in repr(credentials)


def test_turn_credentials_as_coturn_computes_them() -> None:
    found = turn_credentials(secret=b"north", name="a1b2", ttl_s=300, unix_s=1_700_000_000)
    assert found.username == "1700000300:a1b2"
    # printf '1700000300:a1b2' | openssl dgst -sha1 -hmac north -binary | base64
    assert found.credential == "2At9/XqJOHmh3JkpqPiSSIUEj78="
    mac = hmac.new(b"north", found.username.encode(), hashlib.sha1).digest()
    assert base64.b64decode(found.credential) == mac
    assert found.credential not in repr(found)


@pytest.mark.parametrize(
    ("secret", "name", "ttl_s"),
    [
        pytest.param(b"", "a", 300, id="no-secret"),
        pytest.param(b"s", "", 300, id="no-name"),
        pytest.param(b"s", "a:b", 300, id="colon"),
        pytest.param(b"s", "a b", 300, id="blank"),
        pytest.param(b"s", "a", 0, id="no-life"),
        pytest.param(b"s", "a", MAX_TTL_S + 1, id="too-long"),
    ],
)
def test_turn_credentials_refuse(secret: bytes, name: str, ttl_s: int) -> None:
    with pytest.raises(ValueError):
        turn_credentials(secret=secret, name=name, ttl_s=ttl_s, unix_s=0)
