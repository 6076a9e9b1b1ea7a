"""The seat clock and its sender reports (SEATS R2 to R5), in real time against real clocks."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from sfu.base.ids import MediaKind
from sfu.wire.rtcp import SenderReport, ntp_from_unix, sender_report, unix_from_ntp
from sfu.wire.rtp import RtpPacket
from sfu.wire.sequence import ts_delta
from tests.plane.client import until
from tests.plane.stage import Encoder, Seat, Stage, Track

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO
CLOCK_HZ = {AUDIO: 48_000, VIDEO: 90_000}
FRAME_S = 0.05
"""One frame of the pictures sent here."""


class Camera:
    """An encoder on a publisher's own clock, which is ``ahead_s`` off ours."""

    def __init__(self, track: Track, *, ahead_s: float = 0.0) -> None:
        self.encoder: Encoder = track.encoders[0]
        self._hz = CLOCK_HZ[self.encoder.kind]
        self._base = self.encoder.timestamp
        self._began_s = time.monotonic()
        self._ahead_s = ahead_s

    def at(self, time_s: float) -> int:
        """The RTP timestamp of something captured then."""
        return (self._base + round((time_s - self._began_s) * self._hz)) & 0xFFFFFFFF

    def report(self) -> None:
        """Send an SR for now."""
        now_s = time.monotonic()
        self.encoder.client.send_rtcp(
            sender_report(
                SenderReport(
                    ssrc=self.encoder.ssrc,
                    ntp_time=ntp_from_unix(time.time() + self._ahead_s),
                    rtp_timestamp=self.at(now_s),
                    packet_count=1,
                    octet_count=1,
                )
            )
        )

    def capture(self, *, key: bool = False) -> float:
        """Send what was captured now; returns when that was."""
        now_s = time.monotonic()
        before = FRAME_TICKS[self.encoder.kind]
        self.encoder.timestamp = (self.at(now_s) - before) & 0xFFFFFFFF  # ``step`` adds it again
        if self.encoder.kind is VIDEO:
            self.encoder.frame(key=key)
        else:
            self.encoder.audio()
        return now_s


FRAME_TICKS = {AUDIO: 960, VIDEO: 4500}


async def cameras(stage: Stage, kind: MediaKind, *aheads_s: float) -> tuple[Seat, list[tuple[Track, Camera]]]:
    """One subscriber and publishers whose clocks differ."""
    seat = stage.seat(await stage.join(), kind)
    tracks = [stage.publish(await stage.join(), kind) for _ in aheads_s]
    return seat, [
        (track, Camera(track, ahead_s=ahead_s)) for track, ahead_s in zip(tracks, aheads_s, strict=True)
    ]


def reports_of(seat: Seat) -> list[SenderReport]:
    """The SRs of a seat stream so far."""
    return [r for r in seat.client.inbox.rtcp if isinstance(r, SenderReport) and r.ssrc == seat.ssrc]


async def test_r2_and_r5_one_line_over_many_switches_and_clocks(stage: Stage) -> None:
    """|out_ts - line| stays under a frame, for packets and for what the SRs say."""
    seat, sources = await cameras(stage, VIDEO, 0.0, 1.5, -86_400.0)
    captured: list[float] = []
    for track, camera in itertools.islice(itertools.cycle(sources), 24):
        stage.route(seat, track)
        for key in (True, False):
            captured.append(camera.capture(key=key))
            await seat.wait(len(captured))
            camera.report()
            await asyncio.sleep(FRAME_S / 4)  # the frame rate of the test, not a wait for anything
    got = seat.got()
    for packet, time_s in zip(got, captured, strict=True):
        on_line = round((time_s - captured[0]) * 90_000)
        assert abs(ts_delta(packet.timestamp, got[0].timestamp) - on_line) < FRAME_S * 90_000
    assert all(ts_delta(b.timestamp, a.timestamp) > 0 for a, b in itertools.pairwise(got))
    reports = reports_of(seat)
    assert len(reports) >= 24  # one right after each switch, and one a second
    for report in reports[1:]:
        ntp_s = unix_from_ntp(report.ntp_time) - unix_from_ntp(reports[0].ntp_time)
        rtp_s = ts_delta(report.rtp_timestamp, reports[0].rtp_timestamp) / 90_000
        assert abs(ntp_s - rtp_s) < FRAME_S
        assert abs(unix_from_ntp(report.ntp_time) - time.time()) < 30  # our clock, not theirs


async def test_r5_reports_are_translated_exactly(stage: Stage) -> None:
    seat, ((track, camera),) = await cameras(stage, VIDEO, 1_000.0)
    camera.encoder.client.send_rtcp(b"\x80\xc9\x00\x01" + bytes(4))  # an empty RR is no harm
    stage.route(seat, track)
    camera.capture(key=True)
    await seat.wait(1)
    camera.report()
    in_ts = camera.encoder.timestamp
    offset = ts_delta(seat.got()[0].timestamp, in_ts)
    first = len(reports_of(seat))
    await until(lambda: len(reports_of(seat)) > first)
    report = reports_of(seat)[-1]
    assert report.packet_count == 1
    assert report.octet_count == len(seat.got()[0].payload)
    since_first_s = ts_delta(report.rtp_timestamp - offset, in_ts) / 90_000
    assert 0 <= since_first_s < 2.5


async def test_r5_sound_and_picture_share_their_offset(stage: Stage) -> None:
    publisher, subscriber = await stage.join(), await stage.join()
    sound, picture = stage.publish(publisher, AUDIO), stage.publish(publisher, VIDEO)
    ear, eye = stage.seat(subscriber, AUDIO), stage.seat(subscriber, VIDEO)
    microphone, camera = Camera(sound, ahead_s=77.0), Camera(picture, ahead_s=77.0)
    stage.route(ear, sound)
    stage.route(eye, picture)
    together_s = camera.capture(key=True)
    microphone.capture()
    await ear.wait(1)
    await eye.wait(1)
    camera.report()
    microphone.report()
    counts = len(reports_of(ear)), len(reports_of(eye))
    await until(lambda: len(reports_of(ear)) > counts[0] and len(reports_of(eye)) > counts[1])
    seconds = []
    for seat, hz in ((ear, 48_000), (eye, 90_000)):
        report, packet = reports_of(seat)[-1], seat.got()[0]
        behind_s = ts_delta(report.rtp_timestamp, packet.timestamp) / hz
        seconds.append(unix_from_ntp(report.ntp_time) - behind_s)
    assert abs(seconds[0] - seconds[1]) < 0.002 + (time.monotonic() - together_s) * 1e-4


async def test_r13_an_empty_seat_reports_nothing(stage: Stage) -> None:
    seat, ((track, camera),) = await cameras(stage, AUDIO, 0.0)
    stage.route(seat, track)
    camera.capture()
    await seat.wait(1)
    await until(lambda: reports_of(seat))
    stage.route(seat, None)
    witness, ((other, microphone),) = await cameras(stage, AUDIO, 0.0)
    sent = len(reports_of(seat))
    stage.route(witness, other)
    microphone.capture()
    await until(lambda: len(reports_of(witness)) >= 2)
    assert len(reports_of(seat)) == sent


def frames_between(packets: list[RtpPacket]) -> list[float]:
    """Opus frames between neighbours."""
    return [ts_delta(b.timestamp, a.timestamp) / 960 for a, b in itertools.pairwise(packets)]


async def test_r3_audio_switches_go_on_at_whole_frames(stage: Stage) -> None:
    seat, sources = await cameras(stage, AUDIO, 0.0, 3.0)
    sent = 0
    began_s = time.monotonic()
    for track, microphone in itertools.islice(itertools.cycle(sources), 10):
        stage.route(seat, track)
        before = len(seat.got())
        microphone.encoder.timestamp = microphone.at(time.monotonic())
        for _ in range(4):
            microphone.encoder.audio()
            sent += 1
            await asyncio.sleep(0.02)  # the packet rate of a microphone
        await until(lambda before=before: len(seat.got()) >= before + 3)  # type: ignore[misc] # binds the loop's value
    took_s = time.monotonic() - began_s
    got = seat.got()
    assert [(b.seq - a.seq) & 0xFFFF for a, b in itertools.pairwise(got)] == [1] * (len(got) - 1)
    gaps = frames_between(got)
    assert all(gap >= 1 and gap == int(gap) for gap in gaps)
    assert len(got) >= sent - 10  # at most one packet a switch is dropped
    assert abs(sum(gaps) * 0.02 - took_s) < 0.15  # no bias adds up


async def test_r4_a_microphone_s_pause_moves_its_timestamps_by_the_wall_clock(stage: Stage) -> None:
    seat, ((track, microphone),) = await cameras(stage, AUDIO, 0.0)
    stage.route(seat, track)
    microphone.encoder.audio()
    await seat.wait(1)
    microphone.report()
    muted_s = time.monotonic()
    await until(lambda: time.monotonic() - muted_s > 0.6)
    microphone.encoder.audio()  # RTP went on by one frame only
    await seat.wait(2)
    paused_s = time.monotonic() - muted_s
    microphone.encoder.audio()
    first, second = frames_between(await seat.wait(3))
    assert abs(first * 0.02 - paused_s) < 0.05
    assert second == 1


async def test_r4_a_camera_s_pause_does_not(stage: Stage) -> None:
    seat, ((track, camera),) = await cameras(stage, VIDEO, 0.0)
    stage.route(seat, track)
    camera.encoder.frame(key=True)
    await seat.wait(1)
    paused_s = time.monotonic()
    await until(lambda: time.monotonic() - paused_s > 0.4)
    camera.encoder.frame()
    first, second = await seat.wait(2)
    assert ts_delta(second.timestamp, first.timestamp) == 4500


@pytest.mark.parametrize("lie_s", [10 * 365 * 86_400.0, -10 * 365 * 86_400.0, 3_600.0])
async def test_a_publisher_s_false_reports_do_not_bend_the_next_one_s_time(
    stage: Stage, lie_s: float
) -> None:
    """SECURITY B, SR poisoning: absurd NTP times, then honest ones, then a switch back and forth."""
    seat, ((bad, liar), (good, honest)) = await cameras(stage, VIDEO, 0.0, 0.0)
    captured = []
    honest.report()
    for turn in range(3):
        liar._ahead_s = lie_s if turn != 1 else 0.0
        liar.report()
        for track, camera in ((bad, liar), (good, honest)):
            stage.route(seat, track)
            captured.append(camera.capture(key=True))
            await seat.wait(len(captured))
            camera.report()
    got = seat.got()
    for packet, time_s in zip(got, captured, strict=True):
        on_line = round((time_s - captured[0]) * 90_000)
        assert abs(ts_delta(packet.timestamp, got[0].timestamp) - on_line) < 0.5 * 90_000
