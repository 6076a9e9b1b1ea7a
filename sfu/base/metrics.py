"""Every metric of the server, declared once; the objects that count; the text for Prometheus.

Base units (seconds, bytes), no ``_created`` series, labels from closed sets that are all there from
the start: a reason never seen reads 0. Sets that upper layers own (drop reasons, error codes) are
passed in as ``LabelSets``. The plane's integers are read when scraped, nothing is counted twice.
Called from one thread, the event loop's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

LAG_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
JOIN_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class RejectReason(StrEnum):
    """Why a connection was turned away before it could say anything to us."""

    ORIGIN = "origin"
    RATE = "rate"
    LIMIT = "limit"
    TLS = "tls"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    RESOURCES = "resources"


class IceFailure(StrEnum):
    """How a participant's media path failed."""

    CONSENT_LOST = "consent_lost"
    NEVER_CONNECTED = "never_connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: its name without ``_total``, what it means for whoever is woken by it."""

    name: str
    help: str
    label: str | None = None
    values: tuple[str, ...] = ()
    """Closed set of the label's values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSets:
    """Closed sets that upper layers own."""

    error_codes: tuple[str, ...]
    message_types: tuple[str, ...]
    denial_reasons: tuple[str, ...]
    dtls_failures: tuple[str, ...]


class Counter:
    """A number, or one for each value of a label, that only rises."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._counts = dict.fromkeys(family.values if family.label is not None else ("",), 0)

    def add(self, value: str = "", amount: int = 1) -> None:
        """Count.

        Raises:
            KeyError: ``value`` is not in the closed set.
        """
        self._counts[value] += amount

    def read(self, value: str = "") -> int:
        """The count now."""
        return self._counts[value]

    def metric(self) -> Metric:
        """For Prometheus."""
        return _counter(self.family, self._counts)


class Gauge:
    """A number that rises and falls: set, or followed."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._read: Callable[[], float] = lambda: 0.0

    def set(self, value: float) -> None:
        """It is ``value`` from now on."""
        self._read = lambda: value

    def follow(self, read: Callable[[], float]) -> None:
        """Ask ``read`` on each scrape."""
        self._read = read

    def metric(self) -> Metric:
        """For Prometheus."""
        return GaugeMetricFamily(self.family.name, self.family.help, value=self._read())


class Histogram:
    """How long something took, in seconds, by fixed buckets."""

    def __init__(self, family: Family, bounds_s: tuple[float, ...]) -> None:
        self.family = family
        self._bounds_s = bounds_s
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(self._bounds_s, seconds)] += 1
        self._sum_s += seconds

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self._counts)

    def metric(self) -> Metric:
        """For Prometheus."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, self._bounds_s), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return HistogramMetricFamily(
            self.family.name, self.family.help, buckets=buckets, sum_value=self._sum_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneReading:
    """The plane's counters at one moment, by the names that its port gives them."""

    counts: Mapping[str, int]
    drops: Mapping[str, int]
    transports: int
    ingresses: int
    seats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneFamily:
    """A counter family made of plane counts: label value -> name of the count."""

    family: Family
    counts: Mapping[str, str]


def _plane(name: str, text: str, label: str | None = None, **counts: str) -> PlaneFamily:
    family = Family(name=f"sfu_plane_{name}", help=text, label=label, values=tuple(counts))
    return PlaneFamily(family=family, counts=counts)


PLANE_FAMILIES = (
    _plane(
        "packets",
        "UDP payloads of media and control through the media port. None in while people talk: the "
        "port is not reached, look at the firewall and media.announced.",
        "direction",
        **{"in": "packets_in", "out": "packets_out"},
    ),
    _plane(
        "bytes",
        "UDP payload bytes through the media port; compare with the capacity of the line.",
        "direction",
        **{"in": "bytes_in", "out": "bytes_out"},
    ),
    _plane(
        "stun_checks",
        "Authenticated connectivity checks answered. Falls to zero only without participants.",
        total="stun_checks",
    ),
    _plane("dtls_datagrams", "DTLS datagrams received from validated pairs.", total="dtls_in"),
    _plane(
        "nacks",
        "Requests for lost packets: out, by us to publishers; in, by subscribers. A rising rate is loss "
        "on the way up or down.",
        "direction",
        **{"in": "nacks_received", "out": "nacks_sent"},
    ),
    _plane(
        "nacked_packets",
        "Packets named in those requests.",
        "direction",
        **{"in": "nacked_packets_received", "out": "nacked_packets_sent"},
    ),
    _plane(
        "rtx_packets",
        "Retransmission: sent to subscribers, missed (not in the history any more), over_budget, received "
        "from publishers, recovered (of those, not seen before). Steady over_budget: a subscriber asks for "
        "more than its line carries.",
        "outcome",
        sent="rtx_sent",
        missed="rtx_missed",
        over_budget="rtx_over_budget",
        received="rtx_received",
        recovered="rtx_recovered",
    ),
    _plane(
        "keyframe_requests",
        "Key frames asked of publishers. Far above joins and layer switches: someone loses many packets.",
        total="keyframes_requested",
    ),
    _plane(
        "pli",
        "Key-frame requests of subscribers: received, and of those suppressed by the limits.",
        "outcome",
        received="pli_received",
        suppressed="pli_suppressed",
    ),
    _plane("keyframes", "Key frames received from publishers.", total="keyframes_in"),
    _plane(
        "seat_switches",
        "Changes of source or layer on seats: done, or stalled for want of a key frame. Stalled ones are "
        "pictures that froze.",
        "outcome",
        done="switches",
        stalled="switches_stalled",
    ),
    _plane(
        "rtcp_packets",
        "RTCP compounds received, and of those malformed.",
        "outcome",
        received="rtcp_in",
        malformed="rtcp_malformed",
    ),
    _plane(
        "events_dropped",
        "Events lost between plane and control. Not zero: the server is overloaded or has a bug.",
        total="events_dropped",
    ),
)

PACKETS_DROPPED = Family(
    name="sfu_plane_packets_dropped",
    help="Packets discarded by the forwarding plane, by reason. Steady auth_failed or unknown_address is a "
    "probe or a NAT rebinding; not_selected, above_ceiling and unrouted are selection at work, no fault.",
    label="reason",
)

PLANE_GAUGES = {
    "transports": "ICE and DTLS associations in the plane. Should follow sfu_participants.",
    "ingresses": "Published tracks admitted.",
    "seats": "Egress streams open.",
}


class Metrics:
    """All metrics of one server."""

    def __init__(self, sets: LabelSets, *, version: str, plane: str) -> None:
        self._build = {"version": version, "plane": plane}
        self._plane: Callable[[], PlaneReading] | None = None
        self._own: list[Counter | Gauge | Histogram] = []
        self._declare_calls(sets)
        self._declare_signalling(sets)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(self._collect))
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def expose(self) -> bytes:
        """The text Prometheus scrapes; its content type is ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def follow_plane(self, read: Callable[[], PlaneReading]) -> None:
        """Ask ``read`` for the plane's counters on each scrape."""
        self._plane = read

    # ---- declarations

    def _declare_calls(self, sets: LabelSets) -> None:
        self.rooms = self._gauge("sfu_rooms", "Rooms with somebody in them.")
        self.participants = self._gauge("sfu_participants", "Participants in rooms.")
        self.joins = self._counter(
            "sfu_joins",
            "Joins by result. A rising share that is not ok: read the code in docs/protocol.md.",
            label="result",
            values=("ok", *sets.error_codes),
        )
        self.media_setup = self._histogram(
            "sfu_media_setup_seconds",
            "From a join's reply to media keys. Above a second: slow paths, or checks that do not arrive.",
            JOIN_BUCKETS_S,
        )
        self.dtls_failures = self._counter(
            "sfu_dtls_failures",
            "DTLS handshakes that failed. fingerprint_mismatch is an attack or a broken client.",
            label="reason",
            values=sets.dtls_failures,
        )
        self.ice_failures = self._counter(
            "sfu_ice_failures",
            "Media paths lost. never_connected: UDP does not reach us, look at media.announced, the firewall "
            "and TURN; consent_lost: networks that went away.",
            label="reason",
            values=tuple(IceFailure),
        )

    def _declare_signalling(self, sets: LabelSets) -> None:
        self.sockets = self._gauge("sfu_signalling_sockets", "Open WebSockets.")
        self.join_duration = self._histogram(
            "sfu_signalling_join_seconds",
            "From a join message to its reply. Above 100 ms: the server is short of CPU.",
            JOIN_BUCKETS_S,
        )
        self.messages = self._counter(
            "sfu_signalling_messages",
            "Messages of clients by type; refused ones too, unreadable ones not.",
            label="type",
            values=sets.message_types,
        )
        self.errors = self._counter(
            "sfu_signalling_errors",
            "Error replies by code. internal is a bug: look for the log line of the same time.",
            label="code",
            values=sets.error_codes,
        )
        self.denied = self._counter(
            "sfu_auth_denied",
            "Credentials refused, by the reason that the bearer is not told. Many bad_signature: guessing, "
            "or a key that was changed.",
            label="reason",
            values=sets.denial_reasons,
        )
        self.connections = self._gauge("sfu_server_connections", "TCP connections open, of any kind.")
        self.rejected = self._counter(
            "sfu_server_connections_rejected",
            "Connections turned away before the first message. origin: a page elsewhere, or server.origins "
            "lacks a name; rate and limit: a flood or limits too low; resources: out of file descriptors.",
            label="reason",
            values=tuple(RejectReason),
        )
        self.loop_lag = self._histogram(
            "sfu_loop_lag_seconds",
            "How late the event loop ran a timer. Above 50 ms people notice: too much load for one core.",
            LAG_BUCKETS_S,
        )

    def _counter(self, name: str, text: str, *, label: str, values: Iterable[str]) -> Counter:
        counter = Counter(Family(name=name, help=text, label=label, values=tuple(values)))
        self._own.append(counter)
        return counter

    def _gauge(self, name: str, text: str) -> Gauge:
        gauge = Gauge(Family(name=name, help=text))
        self._own.append(gauge)
        return gauge

    def _histogram(self, name: str, text: str, bounds_s: tuple[float, ...]) -> Histogram:
        histogram = Histogram(Family(name=name, help=text), bounds_s)
        self._own.append(histogram)
        return histogram

    def _collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("sfu_build_info", "What runs here; always 1.", labels=tuple(self._build))
        build.add_metric(tuple(self._build.values()), 1.0)
        yield build
        yield from (each.metric() for each in self._own)
        if self._plane is not None:
            yield from plane_metrics(self._plane())


def plane_metrics(reading: PlaneReading) -> Iterator[Metric]:
    """The plane's families from one reading of its counters."""
    for each in PLANE_FAMILIES:
        counts = {value: reading.counts[name] for value, name in each.counts.items()}
        yield _counter(each.family, counts)
    yield _counter(PACKETS_DROPPED, reading.drops)
    yield GaugeMetricFamily("sfu_plane_transports", PLANE_GAUGES["transports"], value=reading.transports)
    yield GaugeMetricFamily("sfu_plane_ingresses", PLANE_GAUGES["ingresses"], value=reading.ingresses)
    yield GaugeMetricFamily("sfu_plane_seats", PLANE_GAUGES["seats"], value=reading.seats)


class _Collector(Collector):
    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        """Called on each scrape."""
        return self._collect()


def _counter(family: Family, counts: Mapping[str, int]) -> Metric:
    if family.label is None:
        return CounterMetricFamily(family.name, family.help, value=sum(counts.values()))
    metric = CounterMetricFamily(family.name, family.help, labels=(family.label,))
    for value, count in counts.items():
        metric.add_metric((value,), count)
    return metric
