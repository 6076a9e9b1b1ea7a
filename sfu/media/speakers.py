"""Who is speaking, from the loudness each publisher's packets carry (RFC 6464). Sans-IO.

One tracker per room. Levels are -dBov: 0 is loudest, 127 silent. Time is the caller's, in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.base.ids import Pid

SPEECH_DBOV = 50
"""Louder than -50 dBov counts as speech. Lower: only shouting; higher: keyboards speak."""

HOLD_S = 1.2
"""A speaker keeps the floor through pauses of this length. Lower: tiles flicker between words."""

TAKEOVER_DB = 6
"""A second voice must be this much louder to take over at once while the first still speaks."""

SMOOTHING = 0.5
"""Weight of a new level in the running one: half, so that a click is not a speaker."""

SILENT = 127
STALE_S = 0.6
"""No level for so long: the microphone is silent (DTX, mute) and its running level is forgotten."""


@dataclass(slots=True)
class _Voice:
    level_dbov: float = SILENT
    heard_s: float = -1e9
    spoke_s: float = -1e9


@dataclass(slots=True)
class SpeakerTracker:
    """Keeps a running level per participant and one active speaker with hysteresis."""

    speaker: Pid | None = None
    _voices: dict[Pid, _Voice] = field(default_factory=dict)

    def update(self, levels: Mapping[Pid, int], now_s: float) -> None:
        """Take in the levels of one interval (0..127 in -dBov)."""
        for pid, level in levels.items():
            voice = self._voices.setdefault(pid, _Voice())
            fresh = now_s - voice.heard_s > STALE_S
            voice.level_dbov = level if fresh else _mix(voice.level_dbov, level)
            voice.heard_s = now_s
            if voice.level_dbov <= SPEECH_DBOV:
                voice.spoke_s = now_s
        self._elect(now_s)

    def forget(self, pid: Pid) -> None:
        """The participant left."""
        self._voices.pop(pid, None)
        if self.speaker == pid:
            self.speaker = None

    def loudness(self, now_s: float) -> dict[Pid, int]:
        """Running loudness of everyone heard of, 0 (silent) to 100 (loudest), for display."""
        return {
            pid: 0 if now_s - voice.heard_s > STALE_S else _percent(voice.level_dbov)
            for pid, voice in self._voices.items()
        }

    def by_loudness(self, now_s: float) -> list[Pid]:
        """Participants who spoke within ``HOLD_S``, loudest first."""
        recent = [
            (voice.level_dbov, pid) for pid, voice in self._voices.items() if now_s - voice.spoke_s <= HOLD_S
        ]
        return [pid for _, pid in sorted(recent)]

    def _elect(self, now_s: float) -> None:
        order = self.by_loudness(now_s)
        if not order:
            return  # nobody speaks: whoever spoke last keeps the floor
        current = self._voices.get(self.speaker) if self.speaker is not None else None
        loudest = self._voices[order[0]].level_dbov
        if current is None or now_s - current.spoke_s > HOLD_S or loudest <= current.level_dbov - TAKEOVER_DB:
            self.speaker = order[0]


def _mix(old: float, new: float) -> float:
    return old + SMOOTHING * (new - old)


def _percent(level_dbov: float) -> int:
    """-80 dBov and below is 0, -10 and above is 100."""
    return round(min(100.0, max(0.0, (80.0 - level_dbov) / 70.0 * 100.0)))
