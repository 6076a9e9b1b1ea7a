"""Fixtures of the browser tests: a server of their own each, browsers that live as long as a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Playwright, async_playwright

from tests.e2e.browsers import Visitor, visitor
from tests.e2e.pictures import SMALL, Persona, Shape
from tests.e2e.serving import RunningServer, serving


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where fake cameras and microphones find their files."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    """The browser driver."""
    async with async_playwright() as driver:
        yield driver


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server with its defaults."""
    async with serving(tmp_path) as running:
        yield running


@pytest.fixture
async def people(playwright: Playwright, media_folder: Path) -> AsyncIterator[People]:
    """Lets people in with browsers of their own; all are closed at the end."""
    async with AsyncExitStack() as stack:
        yield People(playwright, media_folder, stack)


class People:
    """Opens browsers."""

    def __init__(self, playwright: Playwright, folder: Path, stack: AsyncExitStack) -> None:
        self._playwright = playwright
        self._folder = folder
        self._stack = stack

    async def browser(self, persona: Persona, shape: Shape = SMALL) -> Visitor:
        """A Chromium for one person, on no page yet."""
        opened = visitor(self._playwright, self._folder, persona, shape)
        return await self._stack.enter_async_context(opened)

    async def join(self, link: str, persona: Persona, shape: Shape = SMALL) -> Visitor:
        """A person in the call."""
        who = await self.browser(persona, shape)
        await who.open(link)
        await who.in_call()
        return who
