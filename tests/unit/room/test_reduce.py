"""Room transitions: a table of what may happen, and that refusals change nothing."""

from __future__ import annotations

import pytest

from sfu.auth.grants import Grants, Role, grants_of
from sfu.base.errors import Denied, ProtocolError
from sfu.base.ids import Codec, Identity, Pid, RoomId, Source
from sfu.room.commands import Depart, Enter, SetTracks, SetView
from sfu.room.events import Departed, Entered, TracksChanged, ViewChanged
from sfu.room.reduce import reduce
from sfu.room.state import LEAVES, RoomState, TrackState, ViewWant

CAMERA_ON = TrackState(source=Source.CAMERA, active=True, muted=False)
CAMERA_OFF = TrackState(source=Source.CAMERA, active=False, muted=False)


def room(capacity: int = 10) -> RoomState:
    return RoomState(room=RoomId("r"), codec=Codec.VP8, capacity=capacity)


def enter(name: str, *tracks: TrackState, grants: Grants | None = None) -> Enter:
    return Enter(
        pid=Pid(name),
        identity=Identity("id-" + name),
        role=Role.GUEST,
        grants=grants_of(Role.GUEST) if grants is None else grants,
        profile="sealed",
        tracks=tracks,
        now_s=5.0,
    )


def with_people(*names: str) -> RoomState:
    state = room()
    for name in names:
        state, _ = reduce(state, enter(name))
    return state


def test_entering_gives_the_next_leaf_and_is_told() -> None:
    state, events = reduce(with_people("a"), enter("b", CAMERA_ON))
    assert events == (Entered(pid=Pid("b")),)
    assert list(state.participants) == ["a", "b"]
    assert state.participants[Pid("b")].leaf == 1
    assert state.participants[Pid("b")].publishes(Source.CAMERA)
    assert state.seq == 2


def test_a_leaf_is_not_given_to_the_next_one_when_its_owner_leaves() -> None:
    state = with_people("a", "b")
    state, _ = reduce(state, Depart(pid=Pid("b")))
    state, _ = reduce(state, enter("c"))
    assert state.participants[Pid("c")].leaf == 2


def test_leaves_go_round_and_skip_those_in_use() -> None:
    state = with_people("a")
    state = RoomState(
        room=state.room,
        codec=state.codec,
        capacity=state.capacity,
        participants=state.participants,
        next_leaf=LEAVES - 1,
    )
    state, _ = reduce(state, enter("b"))
    state, _ = reduce(state, enter("c"))
    assert [p.leaf for p in state.participants.values()] == [0, LEAVES - 1, 1]


@pytest.mark.parametrize(
    ("state", "command", "error", "code"),
    [
        pytest.param(room(0), enter("a"), Denied, "room_full", id="full"),
        pytest.param(with_people("a"), enter("a"), ProtocolError, "already_joined", id="twice"),
        pytest.param(room(), enter("a", CAMERA_ON, grants=Grants()), Denied, "denied", id="may-not-publish"),
        pytest.param(room(), SetTracks(pid=Pid("x"), tracks=()), ProtocolError, "not_joined", id="stranger"),
        pytest.param(room(), SetView(pid=Pid("x"), wants=()), ProtocolError, "not_joined", id="viewer"),
    ],
)
def test_refusals(
    state: RoomState, command: Enter | SetTracks | SetView, error: type[Exception], code: str
) -> None:
    before = dict(state.participants)
    with pytest.raises(error) as caught:
        reduce(state, command)
    assert getattr(caught.value, "code") == code  # noqa: B009 - the two errors share no base with it
    assert dict(state.participants) == before


def test_a_listener_may_enter_and_declare_what_is_off() -> None:
    state, _ = reduce(room(), enter("a", CAMERA_OFF, grants=Grants()))
    assert not state.participants[Pid("a")].publishes(Source.CAMERA)


def test_tracks_are_merged_by_source_and_told_once() -> None:
    state, _ = reduce(room(), enter("a", CAMERA_ON))
    microphone = TrackState(source=Source.MICROPHONE, active=True, muted=True)
    state, events = reduce(state, SetTracks(pid=Pid("a"), tracks=(microphone,)))
    assert events == (TracksChanged(pid=Pid("a")),)
    assert set(state.participants[Pid("a")].tracks) == {Source.CAMERA, Source.MICROPHONE}
    again, events = reduce(state, SetTracks(pid=Pid("a"), tracks=(microphone,)))
    assert (again, events) == (state, ())


def test_a_view_is_the_viewers_own_affair() -> None:
    state = with_people("a", "b")
    want = ViewWant(pid=Pid("b"), source=Source.CAMERA, width_px=100, height_px=100)
    after, events = reduce(state, SetView(pid=Pid("a"), wants=(want,)))
    assert events == (ViewChanged(pid=Pid("a")),)
    assert after.seq == state.seq
    assert reduce(after, SetView(pid=Pid("a"), wants=(want,)))[1] == ()


def test_departing_is_idempotent() -> None:
    state, events = reduce(with_people("a", "b"), Depart(pid=Pid("a")))
    assert events == (Departed(pid=Pid("a")),)
    assert reduce(state, Depart(pid=Pid("a"))) == (state, ())
    assert [p.pid for p in state.others(Pid("b"))] == []
