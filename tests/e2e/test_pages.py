"""Pages outside a call: start, lobby, and errors that say what is wrong."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import People
from tests.e2e.pictures import MARA, TOMAS
from tests.e2e.serving import RunningServer, serving


async def test_a_meeting_starts_from_the_start_page(server: RunningServer, people: People) -> None:
    mara = await people.browser(MARA)
    await mara.page.goto(server.origin)
    await mara.page.get_by_test_id("start-button").click()
    await mara.page.get_by_test_id("name-input").fill("Mara")
    link = mara.page.url
    assert "#k=" in link and "&i=" in link
    await mara.page.get_by_test_id("join-button").click()
    await mara.in_call()
    tomas = await people.join(link, TOMAS)
    assert sorted(await tomas.tiles()) == ["Mara", "Tomas"]
    assert await mara.problems() == []


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/r/some-room", "link.no_secret", "This link is missing its key"),
        ("/r/some-room#k=AAAA", "link.no_secret", "This link is missing its key"),
        ("/r/No_Room#k=x", "link.invalid", "This is not a meeting link"),
    ],
)
async def test_broken_links(server: RunningServer, people: People, path: str, code: str, words: str) -> None:
    mara = await people.browser(MARA)
    await mara.page.goto(server.origin + path)
    error = mara.page.get_by_test_id("error")
    await error.wait_for()
    assert await error.get_attribute("data-code") == code
    assert words in await error.inner_text()


async def test_a_used_up_or_forged_invite_and_a_closed_room_look_the_same(
    people: People, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("state")
    async with serving(folder, config="rooms: {creation: closed}") as server:
        link = await server.invite("closed")
        forged = link[:-4] + "AAAA"
        for wrong in (forged, link.partition("&i=")[0]):
            mara = await people.browser(MARA)
            await mara.open(wrong)
            error = mara.page.get_by_test_id("error")
            await error.wait_for()
            assert await error.get_attribute("data-code") == "room.denied"
            assert "You cannot come in here" in await error.inner_text()


async def test_no_camera_is_said_and_one_can_join_without(server: RunningServer, people: People) -> None:
    mara = await people.browser(MARA)
    await mara.context.add_init_script(
        "const g = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = (c) => c.video"
        " ? Promise.reject(new DOMException('no', 'NotFoundError')) : g(c);"
    )
    await mara.page.goto(await server.invite("no-camera"))
    error = mara.page.get_by_test_id("error")
    await error.wait_for()
    assert await error.get_attribute("data-code") == "media.missing"
    await mara.page.get_by_text("Join without camera").click()
    await mara.page.get_by_test_id("name-input").fill("Mara")
    await mara.page.get_by_test_id("join-button").click()
    await mara.in_call()
    assert await mara.tiles() == ["Mara"]


async def test_a_browser_that_cannot_seal_is_told_and_never_joins(
    server: RunningServer, people: People
) -> None:
    mara = await people.browser(MARA)
    await mara.context.add_init_script("delete window.RTCRtpScriptTransform;")
    await mara.page.goto(await server.invite("old-browser"))
    error = mara.page.get_by_test_id("error")
    await error.wait_for()
    assert await error.get_attribute("data-code") == "browser.unsupported"
    assert await server.metric("sfu_signalling_sockets") == 0


async def test_the_lobby_is_prefilled_but_waits_for_a_click_without_autojoin(
    server: RunningServer, people: People
) -> None:
    mara = await people.browser(MARA)
    await mara.page.goto(await server.invite("lobby") + "&name=Mara%20L")
    await mara.page.get_by_test_id("join-button").wait_for()
    assert await mara.page.get_by_test_id("name-input").input_value() == "Mara L"
    assert await server.metric("sfu_participants") == 0
