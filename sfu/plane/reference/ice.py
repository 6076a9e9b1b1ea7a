"""The ICE-lite front: which address pairs are whose (RFC 8445, section 2.5). Sans-IO.

Nothing a stranger sends changes anything here: a check must name a local ufrag, carry a right
MESSAGE-INTEGRITY and a right FINGERPRINT before any state moves (DESIGN section 4).
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from sfu.base.errors import WireError
from sfu.base.ids import TransportId
from sfu.base.limits import KeyedBuckets
from sfu.plane.port import DropReason, PlaneLimits
from sfu.wire.stun import binding_error, binding_success, integrity_ok, parse_binding_request

Remote = tuple[str, int] | tuple[str, int, int, int]
"""A socket address as asyncio gives it."""
Pair = tuple[int, Remote]
"""(index of our socket, the remote's address)."""

CHECKS_BURST = 200
CHECKS_PER_S = 100.0
"""Checks with a wrong integrity, per source prefix and ufrag, that may cost an HMAC. Lower: a
flaky client is locked out; higher: who knows a ufrag can make us hash."""
BUCKETS = 4096

HELD_S = 7.0
"""A pair belongs to whom it was last validated for, unless it was silent for so long: a check with a
forged source address must not take a participant's path away. Browsers check every 2.5 to 6 s (RFC 7675
section 5.1). Lower: the forger gets in between two checks; higher: who really inherits an address (a NAT
that gave out the same port again) waits longer."""

OLD_UFRAGS = 4
"""Credentials kept from restarts that the browser has not followed yet."""

ROLE_CONFLICT = 487  # RFC 8445 section 7.3.1.1


@dataclass(frozen=True, slots=True)
class Checked:
    """An authenticated check: what to answer, and whether the selected pair moved."""

    transport: TransportId
    reply: bytes
    moved: bool = False
    first: bool = False


class Agent:
    """One transport's side of ICE."""

    __slots__ = (
        "consent_lost",
        "last_check_s",
        "old_ufrags",
        "pairs",
        "pwd",
        "remote_ufrag",
        "selected",
        "transport",
        "ufrag",
    )

    def __init__(self, transport: TransportId, ufrag: str, pwd: str, remote_ufrag: str) -> None:
        self.transport = transport
        self.ufrag = ufrag
        self.pwd = pwd.encode("ascii")
        self.remote_ufrag = remote_ufrag
        self.pairs: OrderedDict[Pair, float] = OrderedDict()
        self.selected: Pair | None = None
        self.old_ufrags: list[str] = []
        self.last_check_s: float | None = None
        self.consent_lost = False

    @property
    def path(self) -> Pair | None:
        """Where to send; None without a pair, or without consent (RFC 7675 section 5.1: cease)."""
        return None if self.consent_lost else self.selected


class IceFront:
    """All transports' agents, found by ufrag before a pair is known and by pair after."""

    def __init__(self, limits: PlaneLimits) -> None:
        self._limits = limits
        self._by_ufrag: dict[str, tuple[Agent, bytes, str]] = {}
        self._by_pair: dict[Pair, Agent] = {}
        self._buckets = KeyedBuckets(burst=CHECKS_BURST, per_s=CHECKS_PER_S, capacity=BUCKETS)
        self.evicted = 0

    def add(self, agent: Agent) -> None:
        """Answer checks for the agent's ufrag from now on."""
        self._by_ufrag[agent.ufrag] = (agent, agent.pwd, agent.remote_ufrag)

    def knows(self, ufrag: str) -> bool:
        """Whether a local ufrag is in use."""
        return ufrag in self._by_ufrag

    def restart(self, agent: Agent, ufrag: str, pwd: str, remote_ufrag: str) -> None:
        """New credentials. The old ones stay until the new are first used: media must not stop."""
        agent.old_ufrags.append(agent.ufrag)
        while len(agent.old_ufrags) > OLD_UFRAGS:
            self._by_ufrag.pop(agent.old_ufrags.pop(0), None)
        agent.ufrag, agent.pwd, agent.remote_ufrag = ufrag, pwd.encode("ascii"), remote_ufrag
        self.add(agent)

    def remove(self, agent: Agent) -> None:
        """Forget an agent; its addresses are strangers' again."""
        for ufrag in (agent.ufrag, *agent.old_ufrags):
            self._by_ufrag.pop(ufrag, None)
        for pair in agent.pairs:
            self._by_pair.pop(pair, None)
        agent.pairs.clear()
        agent.selected = None

    def owner(self, pair: Pair) -> Agent | None:
        """Whose validated pair this is, None for a stranger's."""
        return self._by_pair.get(pair)

    def check(self, datagram: bytes, pair: Pair, now_s: float) -> Checked | DropReason:
        """Take one STUN datagram.

        Returns:
            The authenticated check, or why nothing was answered. Nothing has changed then.
        """
        try:
            request = parse_binding_request(datagram)
        except WireError:
            return DropReason.STUN_MALFORMED
        local, _, remote = request.username.partition(":")
        known = self._by_ufrag.get(local)
        if known is None or known[2] != remote:
            return DropReason.STUN_UNKNOWN_UFRAG
        agent, pwd, _ = known
        trusted = self._by_pair.get(pair) is agent
        bucket = (_prefix(pair[1][0]), local)
        if not trusted and self._buckets.is_empty(bucket, now_s):
            return DropReason.STUN_RATE_LIMITED
        if not integrity_ok(datagram, pwd):
            if not trusted:
                self._buckets.take(bucket, now_s)  # only failures are paid for
            return DropReason.STUN_BAD_INTEGRITY
        if request.controlling is False:
            reply = binding_error(request.transaction_id, ROLE_CONFLICT, "Role Conflict", pwd)
            return Checked(agent.transport, reply)
        if self._held_by_another(agent, pair, now_s):
            return DropReason.STUN_RATE_LIMITED
        moved, first = self._validated(agent, pair, request.use_candidate, now_s)
        self._retire_old_credentials(agent, local)
        host, port = pair[1][0], pair[1][1]
        reply = binding_success(request.transaction_id, host, port, pwd)
        return Checked(agent.transport, reply, moved, first)

    def expire(self, agent: Agent, now_s: float) -> bool:
        """True once, when no check came for the consent time."""
        if agent.consent_lost or agent.last_check_s is None:
            return False
        if now_s - agent.last_check_s < self._limits.consent_s:
            return False
        agent.consent_lost = True
        return True

    def _held_by_another(self, agent: Agent, pair: Pair, now_s: float) -> bool:
        owner = self._by_pair.get(pair)
        return owner is not None and owner is not agent and now_s - owner.pairs[pair] < HELD_S

    def _validated(self, agent: Agent, pair: Pair, nominate: bool, now_s: float) -> tuple[bool, bool]:
        agent.last_check_s = now_s
        owner = self._by_pair.get(pair)
        if owner is not None and owner is not agent:
            # The address was silent, and now speaks for another transport: the authenticated newcomer
            # has it.
            owner.pairs.pop(pair, None)
            if owner.selected == pair:
                owner.selected = None
        agent.pairs[pair] = now_s
        agent.pairs.move_to_end(pair)
        self._by_pair[pair] = agent
        first = agent.selected is None
        moved = first or (nominate and agent.selected != pair)
        if nominate or first:
            agent.selected = pair
        if len(agent.pairs) > self._limits.address_pairs:
            self._evict(agent)
        came_back, agent.consent_lost = agent.consent_lost, False
        return moved or came_back, first

    def _evict(self, agent: Agent) -> None:
        oldest = next(pair for pair in agent.pairs if pair != agent.selected)
        del agent.pairs[oldest]
        self._by_pair.pop(oldest, None)
        self.evicted += 1

    def _retire_old_credentials(self, agent: Agent, used: str) -> None:
        if agent.old_ufrags and used == agent.ufrag:
            for ufrag in agent.old_ufrags:
                self._by_ufrag.pop(ufrag, None)
            agent.old_ufrags.clear()


def _prefix(host: str) -> str:
    """/24 of IPv4, /56 of IPv6: what one household or attacker usually holds."""
    address = ipaddress.ip_address(host.partition("%")[0])
    bits = 24 if address.version == 4 else 56
    return str(ipaddress.ip_network((address, bits), strict=False))
