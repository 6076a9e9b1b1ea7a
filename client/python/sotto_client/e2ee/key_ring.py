"""All media keys of one session: our own sending keys, and those of the members we can hear.

Replay windows outlive their keys: if a member leaves and the same announcement is installed again, what was
already seen stays refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sotto_client.e2ee.interim import Installed, Member
from sotto_client.e2ee.replay import ReplayWindow
from sotto_client.e2ee.sframe import EPOCH_MASK, OpenStream, SealStream, kid_of

MAX_MEMBERS: Final = 256
_MAX_REMEMBERED = 4096


class RemoteSender:
    """One member's key with the windows of its contexts."""

    __slots__ = ("_streams", "_windows", "installed")

    def __init__(self, installed: Installed, windows: dict[int, ReplayWindow]) -> None:
        self.installed = installed
        self._windows = windows
        self._streams: dict[int, OpenStream] = {}

    @property
    def member(self) -> Member:
        """Whose key it is."""
        return self.installed.member

    def stream(self, ctx: int) -> OpenStream:
        """The same object for the life of the key. ``ctx`` is already known to be in range."""
        if ctx not in self._streams:
            window = self._windows.setdefault(ctx, ReplayWindow())
            kid = kid_of(ctx, self.member.leaf, self.installed.epoch)
            self._streams[ctx] = OpenStream(self.installed.base_key.frame_key(kid), window)
        return self._streams[ctx]


class KeyRing:
    """Keys by leaf and epoch, as the KID names them."""

    def __init__(self, live_epochs: Iterable[int]) -> None:
        """``live_epochs``: low 4 bits of the epochs in which a key can exist at all."""
        self._live = frozenset(live_epochs)
        self._by_pid: dict[str, RemoteSender] = {}
        self._by_slot: dict[tuple[int, int], RemoteSender] = {}
        self._remembered: dict[str, dict[int, ReplayWindow]] = {}
        self._latest: dict[str, str] = {}
        self._own: Installed | None = None
        self._own_streams: dict[int, SealStream] = {}

    @property
    def own(self) -> Installed | None:
        """What we send with."""
        return self._own

    def __len__(self) -> int:
        """Members whose key we hold, ourselves not counted."""
        return len(self._by_pid)

    def set_own(self, installed: Installed) -> None:
        """Take a fresh base key. One that sealed anything must never be passed twice."""
        self._own = installed
        self._own_streams = {}

    def own_stream(self, ctx: int) -> SealStream | None:
        """The one counter of that context; None before ``set_own``."""
        if self._own is None:
            return None
        if ctx not in self._own_streams:
            kid = kid_of(ctx, self._own.member.leaf, self._own.epoch)
            self._own_streams[ctx] = SealStream(kid, self._own.base_key.frame_key(kid))
        return self._own_streams[ctx]

    def install(self, installed: Installed) -> bool:
        """False: our own pid or leaf, a leaf in use, a full room, or an announcement already replaced."""
        member, slot = installed.member, _slot_of(installed)
        before = self._by_pid.get(member.pid)
        if before is not None and before.installed.origin == installed.origin:
            return True
        if self._own is not None and (
            member.pid == self._own.member.pid or member.leaf == self._own.member.leaf
        ):
            return False
        if installed.origin in self._remembered and self._latest.get(member.pid) != installed.origin:
            return False
        holder = self._by_slot.get(slot)
        if holder is not None and holder.member.pid != member.pid:
            return False
        if before is None and len(self._by_pid) >= MAX_MEMBERS:
            return False
        self.forget(member.pid)
        sender = RemoteSender(installed, self._windows_of(installed))
        self._by_pid[member.pid] = sender
        self._by_slot[slot] = sender
        return True

    def forget(self, pid: str) -> None:
        """Erase the key. What its windows have seen is kept."""
        sender = self._by_pid.pop(pid, None)
        if sender is not None:
            del self._by_slot[_slot_of(sender.installed)]

    def is_live(self, epoch: int) -> bool:
        """Whether a key of this epoch can exist at all."""
        return epoch in self._live

    def find(self, leaf: int, epoch: int) -> RemoteSender | None:
        """Exactly one sender or none: no trial decryption."""
        return self._by_slot.get((leaf, epoch & EPOCH_MASK))

    def _windows_of(self, installed: Installed) -> dict[int, ReplayWindow]:
        windows = self._remembered.pop(installed.origin, {})
        self._remembered[installed.origin] = windows  # to the end: the map is in order of last use
        self._latest[installed.member.pid] = installed.origin
        if len(self._remembered) > _MAX_REMEMBERED:
            self._drop_oldest()
        return windows

    def _drop_oldest(self) -> None:
        in_use = {sender.installed.origin for sender in self._by_pid.values()}
        oldest = next((origin for origin in self._remembered if origin not in in_use), None)
        if oldest is not None:
            del self._remembered[oldest]
            self._latest = {pid: latest for pid, latest in self._latest.items() if latest != oldest}


def _slot_of(installed: Installed) -> tuple[int, int]:
    return installed.member.leaf, installed.epoch & EPOCH_MASK
