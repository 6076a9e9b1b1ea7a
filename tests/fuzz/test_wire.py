"""The fuzzer itself: it runs, repeats itself, and would notice."""

from __future__ import annotations

import random
import time

import pytest

from tests.fuzz import wire


def test_a_short_run_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert wire.main(["--seconds", "1", "--seed", "7"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 7\n")
    assert "executions" in said


def test_it_notices_what_escapes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(raw: bytes) -> object:
        return raw[40]

    monkeypatch.setitem(wire.PARSERS, "rtp", broken)
    assert wire.main(["--seconds", "5", "--seed", "7"]) == 1
    assert "rtp let IndexError" in capsys.readouterr().err


def test_it_notices_what_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_: bytes) -> object:
        end_s = time.process_time() + 0.02
        while time.process_time() < end_s:
            pass
        return None

    monkeypatch.setattr(wire, "SLOW_S", 0.01)
    monkeypatch.setitem(wire.PARSERS, "rtx", slow)
    with pytest.raises(AssertionError, match="rtx took"):
        wire.run(5.0, 7)


def test_valid_input_is_parsed_and_a_seed_repeats_itself() -> None:
    for name, inputs in wire.seeds().items():
        if name not in ("stun_request", "stun_success"):  # these hold each other's kind too
            for raw in inputs:
                wire.PARSERS[name](raw)
    whole = wire.seeds()["rtcp"][0]
    again = [wire.mutate(random.Random(5), whole, 1500) for _ in range(2)]
    assert again[0] == again[1] != whole
