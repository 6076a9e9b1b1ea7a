"""Test pictures and tones, one colour and one pitch a person, made once by ffmpeg."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """What one fake camera and microphone send."""

    name: str
    colour: str
    rgb: tuple[int, int, int]
    """What a pixel of the plain part looks like when shown, about."""
    tone_hz: int


MARA = Persona(name="Mara", colour="0xB02020", rgb=(176, 32, 32), tone_hz=440)
TOMAS = Persona(name="Tomas", colour="0x209030", rgb=(32, 144, 48), tone_hz=880)
YUKI = Persona(name="Yuki", colour="0x2040B0", rgb=(32, 64, 176), tone_hz=1320)
NOOR = Persona(name="Noor", colour="0xB0A020", rgb=(176, 160, 32), tone_hz=1760)
PERSONAE = (MARA, TOMAS, YUKI, NOOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Size of the fake camera's picture."""

    width: int = 640
    height: int = 360
    fps: int = 15


SMALL = Shape()
HD = Shape(width=1280, height=720, fps=20)


def camera_file(folder: Path, persona: Persona, shape: Shape = SMALL) -> Path:
    """A .y4m of a plain colour with a noisy moving band, two seconds that repeat."""
    path = folder / f"{persona.name}-{shape.width}x{shape.height}.y4m"
    if path.exists():
        return path
    size = f"{shape.width}x{shape.height}"
    band = f"{shape.width}x{shape.height // 4}"
    plain = f"color=c={persona.colour}:size={size}:rate={shape.fps}"
    moving = f"testsrc2=size={band}:rate={shape.fps}"
    mix = f"[0][1]overlay=x=0:y='mod(t*{shape.height // 4}\\,{shape.height // 2})'"
    _ffmpeg(
        *("-f", "lavfi", "-i", plain, "-f", "lavfi", "-i", moving),
        *("-filter_complex", mix, "-t", "2", "-pix_fmt", "yuv420p", str(path)),
    )
    return path


def microphone_file(folder: Path, persona: Persona) -> Path:
    """A .wav of one pitch, four seconds that repeat."""
    path = folder / f"{persona.name}.wav"
    if not path.exists():
        tone = f"sine=frequency={persona.tone_hz}:sample_rate=48000"
        _ffmpeg("-f", "lavfi", "-i", tone, "-t", "4", "-ac", "1", str(path))
    return path


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(
        ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", *arguments],
        check=True,
    )
