"""Which encoding of a picture suits the size it is shown at. Pure.

Publishers send up to three encodings at a quarter, half and the whole of the source (rids q, h, f).
The server does not know the source's pixels; encodings are told apart by their share of it, and a
camera is taken to be 1280x720, what the client asks the browser for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sfu.base.ids import Rid

SOURCE_WIDTH_PX = 1280
SOURCE_HEIGHT_PX = 720

TOLERANCE = 1.25
"""A picture may be enlarged by so much before the next encoding is taken. Lower: sharper, more
bits; higher: blurred tiles on dense screens."""


def choose_encoding(
    rids: Sequence[Rid], width_px: int, height_px: int, ceiling: Rid | None = None
) -> Rid | None:
    """The smallest encoding that fills ``width_px`` x ``height_px`` device pixels.

    Args:
        rids: the track's encodings, smallest first, each twice as wide as the one before it.
        width_px, height_px: size of the tile; 0 in both means "no idea", which gets the largest.
        ceiling: an encoding the viewer asked not to exceed; ignored when the track has no such one.

    Returns:
        One of ``rids``, or None when the track has a single encoding.
    """
    if not rids:
        return None
    top = rids.index(ceiling) if ceiling in rids else len(rids) - 1
    if width_px == 0 and height_px == 0:
        return rids[top]
    # Tiles crop to fill (object-fit: cover), so the larger of the two ratios decides.
    needed = max(width_px / SOURCE_WIDTH_PX, height_px / SOURCE_HEIGHT_PX)
    for index in range(top):
        share = 0.5 ** (len(rids) - 1 - index)
        if needed <= share * TOLERANCE:
            return rids[index]
    return rids[top]
