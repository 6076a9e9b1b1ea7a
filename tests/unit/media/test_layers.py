"""Which encoding suits which tile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.base.ids import Rid
from sfu.media.layers import choose_encoding

QHF = (Rid("q"), Rid("h"), Rid("f"))


@pytest.mark.parametrize(
    ("rids", "width", "height", "ceiling", "expected"),
    [
        pytest.param(QHF, 320, 180, None, "q", id="quarter"),
        pytest.param(QHF, 400, 225, None, "q", id="a-little-larger-still-quarter"),
        pytest.param(QHF, 410, 225, None, "h", id="too-large-for-quarter"),
        pytest.param(QHF, 670, 362, None, "h", id="half"),
        pytest.param(QHF, 1358, 734, None, "f", id="whole"),
        pytest.param(QHF, 184, 329, None, "h", id="tall-tile-is-cropped-so-height-decides"),
        pytest.param(QHF, 0, 0, None, "f", id="no-idea-gets-the-best"),
        pytest.param(QHF, 1, 1, None, "q", id="least"),
        pytest.param(QHF, 4000, 4000, Rid("h"), "h", id="ceiling"),
        pytest.param(QHF, 100, 100, Rid("f"), "q", id="ceiling-is-no-floor"),
        pytest.param(QHF, 4000, 4000, Rid("x"), "f", id="unknown-ceiling-is-ignored"),
        pytest.param((Rid("h"), Rid("f")), 320, 180, None, "h", id="two-encodings"),
        pytest.param((), 320, 180, None, None, id="single-encoding"),
    ],
)
def test_choose_encoding(
    rids: tuple[Rid, ...], width: int, height: int, ceiling: Rid | None, expected: str | None
) -> None:
    assert choose_encoding(rids, width, height, ceiling) == expected


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 500))
def test_a_larger_tile_never_gets_a_smaller_encoding(width: int, height: int, more: int) -> None:
    if width == height == 0:
        return
    small = choose_encoding(QHF, width, height)
    large = choose_encoding(QHF, width + more, height + more)
    assert small is not None and large is not None
    assert QHF.index(large) >= QHF.index(small)
