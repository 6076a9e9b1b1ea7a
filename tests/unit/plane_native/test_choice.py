"""Which plane runs, and what the operator is told of it."""

from __future__ import annotations

import importlib.util

import pytest

from sfu import wiring
from sfu.base.errors import ConfigError, PlaneError
from sfu.base.ids import TransportId
from sfu.config.loader import load
from sfu.plane.port import RemoveTransport, SocketAddress
from sfu.plane.reference.plane import ReferencePlane

BUILT = importlib.util.find_spec("sfu._plane") is not None
needs_native = pytest.mark.skipif(not BUILT, reason="the native plane is not built here (no cargo)")


def chosen(plane: str) -> tuple[str, str]:
    config = load(None, {"SOTTO_MEDIA_PLANE": plane})
    found, why = wiring.new_plane(config, lambda _: None)
    return found.capabilities.name, why


def test_reference_when_asked_for() -> None:
    assert chosen("reference") == ("reference", "as configured")


def test_without_a_build_auto_is_reference_and_native_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    name, why = chosen("auto")
    assert name == "reference"
    assert "not built here" in why
    with pytest.raises(ConfigError, match=r"media\.plane: found 'native', wanted auto or reference"):
        chosen("native")


@needs_native
def test_native_when_built() -> None:
    assert chosen("auto") == ("native", "built here")
    assert chosen("native") == ("native", "as configured")


@needs_native
async def test_a_taken_address_is_named() -> None:
    from sfu.plane.native import NativePlane

    first, second = NativePlane(), ReferencePlane()
    (bound,) = await first.start([SocketAddress(host="127.0.0.1", port=0)], lambda _: None)
    other = NativePlane()
    wanted = f"cannot bind 127.0.0.1 port {bound.port} \\(UDP\\): Address already in use"
    for plane in (second, other):
        with pytest.raises(PlaneError, match=wanted):
            await plane.start([bound], lambda _: None)
    with pytest.raises(PlaneError, match="transport 7 is not there"):
        first.apply([RemoveTransport(transport=TransportId(7))])
    await first.stop()
    assert first.counters().transports == 0
    await other.start([bound], lambda _: None)  # the port is free again
    await other.stop()
