"""A publisher that goes on with another SSRC (RFC 3550 section 8.2, or a restarted encoder)."""

from __future__ import annotations

import itertools

import pytest

from sfu.base.ids import MediaKind
from sfu.plane.port import DropReason, PlaneLimits
from sfu.wire.rtcp import Pli
from sfu.wire.sequence import ts_delta
from tests.plane.client import until
from tests.plane.conftest import StartStage
from tests.plane.stage import Stage
from tests.plane.test_switching import gapless

AUDIO, VIDEO = MediaKind.AUDIO, MediaKind.VIDEO


@pytest.mark.parametrize("jump", [-20_000, -3, 0, 5, 30_000])
async def test_video_goes_on_at_the_new_one_s_key_frame(stage: Stage, jump: int) -> None:
    track, seat = await stage.pair(VIDEO)
    encoder, old = track.one, track.one.ssrc
    encoder.frame()
    await seat.wait(2)
    encoder.ssrc = (old + 1) & 0xFFFFFFFF
    encoder.seq = (encoder.seq + jump) & 0xFFFF
    encoder.timestamp = (encoder.timestamp + 0x40000000) & 0xFFFFFFFF
    encoder.frame()
    await until(lambda: stage.drops(DropReason.AWAITING_KEYFRAME) == 1)
    await until(
        lambda: any(isinstance(r, Pli) and r.media_ssrc == encoder.ssrc for r in encoder.client.inbox.rtcp)
    )
    encoder.frame(key=True)
    encoder.frame()
    got = await seat.wait(4)
    assert gapless(got)
    assert 0 < ts_delta(got[2].timestamp, got[1].timestamp) < 3 * 90_000


async def test_audio_goes_on_at_once(stage: Stage) -> None:
    track, seat = await stage.pair(AUDIO)
    track.one.ssrc = (track.one.ssrc + 1) & 0xFFFFFFFF
    track.one.seq = (track.one.seq - 9000) & 0xFFFF
    track.one.timestamp = (track.one.timestamp + 0x40000000) & 0xFFFFFFFF
    for _ in range(4):
        track.one.audio()
    got = await seat.wait(4)  # one may be dropped until the clock is past the last (R3)
    assert gapless(got)
    assert all(0 < ts_delta(b.timestamp, a.timestamp) <= 5 * 960 for a, b in itertools.pairwise(got))


async def test_the_old_one_s_late_packets_go_nowhere_and_its_place_stays_taken(
    start_stage: StartStage,
) -> None:
    stage = await start_stage(PlaneLimits(ssrcs=2))
    track, seat = await stage.pair(VIDEO)
    encoder = track.one
    (late,) = encoder.frame(send=False)
    first = encoder.ssrc
    encoder.ssrc = (first + 1) & 0xFFFFFFFF
    encoder.frame(key=True)
    await seat.wait(2)
    encoder.client.send_rtp(late)
    await until(lambda: stage.drops(DropReason.UNKNOWN_SSRC) == 1)
    encoder.ssrc = (first + 2) & 0xFFFFFFFF
    encoder.frame(key=True)
    await until(lambda: stage.drops(DropReason.SSRC_LIMIT) == 1)
    encoder.ssrc = (first + 1) & 0xFFFFFFFF
    encoder.seq = (encoder.seq - 1) & 0xFFFF
    encoder.frame()
    got = await seat.wait(3)
    assert gapless(got)
