"""One suite for every plane. ``native`` takes part when its extension module is built."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from sfu.plane.port import Plane, PlaneLimits
from sfu.plane.reference.plane import ReferencePlane
from tests.plane.stage import Stage

NAMES = ["reference"] + (["native"] if importlib.util.find_spec("sfu._plane") else [])

StartStage = Callable[[PlaneLimits], Awaitable[Stage]]


def build(name: str, limits: PlaneLimits, bugs: list[BaseException]) -> Plane:
    """A plane by name, not started."""
    if name == "reference":
        return ReferencePlane(limits, on_bug=bugs.append)
    plane: Plane = importlib.import_module("sfu.plane.native").NativePlane(limits)
    return plane


@pytest.fixture(params=NAMES)
async def start_stage(request: pytest.FixtureRequest) -> AsyncIterator[StartStage]:
    """Starts planes with given limits; afterwards: nothing broke inside."""
    stages: list[Stage] = []
    bugs: list[BaseException] = []

    async def start(limits: PlaneLimits) -> Stage:
        stage = Stage(build(request.param, limits, bugs))
        stages.append(stage)
        await stage.start()
        return stage

    yield start
    for stage in stages:
        await stage.stop()
    assert bugs == []


@pytest.fixture
async def stage(start_stage: StartStage) -> Stage:
    """A started plane with the limits it has in production."""
    return await start_stage(PlaneLimits())
