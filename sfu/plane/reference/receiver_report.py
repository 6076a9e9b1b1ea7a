"""Reception statistics of one ingress SSRC (RFC 3550 sections 6.4.1, A.3, A.8). Sans-IO."""

from __future__ import annotations

from sfu.wire.rtcp import ReportBlock, SenderReport


class ReceptionStats:
    """Counts what came of one SSRC and writes its report blocks."""

    __slots__ = (
        "_clock_hz",
        "_expected_before",
        "_first",
        "_highest",
        "_jitter",
        "_last_sr",
        "_last_sr_s",
        "_received",
        "_received_before",
        "_transit",
    )

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._expected_before = self._received_before = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._last_sr = 0
        self._last_sr_s: float | None = None

    def received(self, ext_seq: int, timestamp: int, now_s: float) -> None:
        """One packet of the SSRC came (not a retransmission)."""
        if self._first is None:
            self._first = self._highest = ext_seq
        newest = ext_seq >= self._highest
        self._highest = max(self._highest, ext_seq)
        self._received += 1
        if newest:
            transit = now_s * self._clock_hz - timestamp
            if self._transit is not None:
                # Timestamps wrap; the difference of two transits must not.
                half = 1 << 31
                step = (transit - self._transit + half) % (1 << 32) - half
                self._jitter += (abs(step) - self._jitter) / 16
            self._transit = transit

    def on_sender_report(self, report: SenderReport, now_s: float) -> None:
        """Remember it for LSR and DLSR."""
        self._last_sr = report.ntp_time >> 16 & 0xFFFFFFFF
        self._last_sr_s = now_s

    def block(self, ssrc: int, now_s: float) -> ReportBlock | None:
        """The block for the next report; None before the first packet."""
        if self._first is None:
            return None
        expected = self._highest - self._first + 1
        expected_now = expected - self._expected_before
        received_now = self._received - self._received_before
        self._expected_before, self._received_before = expected, self._received
        lost_now = max(0, expected_now - received_now)
        delay = 0 if self._last_sr_s is None else round((now_s - self._last_sr_s) * 65536)
        return ReportBlock(
            ssrc=ssrc,
            fraction_lost=min(255, (lost_now << 8) // expected_now) if expected_now > 0 else 0,
            packets_lost=expected - self._received,
            highest_seq=(self._highest - 0x10000) & 0xFFFFFFFF,
            jitter_ticks=int(self._jitter),
            last_sr=self._last_sr,
            delay_since_last_sr=delay,
        )
