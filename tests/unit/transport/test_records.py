"""DTLS record framing: edges, hostile rows, and cutting a flight into datagrams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sfu.transport.records import (
    APPLICATION,
    HANDSHAKE,
    MAX_RECORD_BYTES,
    datagrams_of,
    is_client_hello,
    records_of,
)


def record(content_type: int, payload: bytes, *, version: int = 0xFEFD, epoch: int = 0) -> bytes:
    head = bytes([content_type]) + version.to_bytes(2, "big") + epoch.to_bytes(2, "big")
    return head + bytes(6) + len(payload).to_bytes(2, "big") + payload


def test_two_records_in_one_datagram() -> None:
    datagram = record(HANDSHAKE, b"abc", version=0xFEFF) + record(APPLICATION, b"z", epoch=1)
    first, second = records_of(datagram)
    assert (first.content_type, first.epoch, first.start, first.end) == (HANDSHAKE, 0, 0, 16)
    assert (second.content_type, second.epoch, second.start, second.end) == (APPLICATION, 1, 16, 30)


def test_largest_record() -> None:
    assert records_of(record(APPLICATION, bytes(MAX_RECORD_BYTES)))
    assert not records_of(record(APPLICATION, bytes(MAX_RECORD_BYTES + 1)))


def test_one_bad_record_spoils_the_datagram() -> None:
    good = record(HANDSHAKE, b"abc")
    assert records_of(good + b"\x16") == ()
    assert records_of(good + record(99, b"a")) == ()
    assert records_of(good + record(HANDSHAKE, b"a", version=0xFEFC)) == ()


def test_client_hello_is_told_by_its_first_byte_in_the_clear() -> None:
    hello = record(HANDSHAKE, b"\x01rest")
    for datagram, answer in (
        (hello, True),
        (record(HANDSHAKE, b"\x01rest", epoch=1), False),
        (record(HANDSHAKE, b"\x02rest"), False),
        (record(APPLICATION, b"\x01rest"), False),
    ):
        (only,) = records_of(datagram)
        assert is_client_hello(datagram, only) is answer


@given(st.lists(st.integers(1, 900), max_size=12), st.integers(100, 1200))
def test_a_flight_is_cut_between_records_only(sizes: list[int], limit: int) -> None:
    records = [record(HANDSHAKE, bytes(size)) for size in sizes]
    cut = list(datagrams_of(b"".join(records), limit))
    assert b"".join(cut) == b"".join(records)
    for datagram in cut:
        assert len(datagram) <= limit or len(records_of(datagram)) == 1


@given(st.binary(max_size=80))
def test_every_input_has_an_answer(datagram: bytes) -> None:
    found = records_of(datagram)
    if found:
        assert found[0].start == 0 and found[-1].end == len(datagram)
    assert b"".join(datagrams_of(datagram, 40)) in (b"", datagram)
