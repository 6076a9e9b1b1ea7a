"""Token buckets, sans-IO: time is passed in, in seconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable


class TokenBucket:
    """Allows ``burst`` at once and ``per_s`` a second after that."""

    __slots__ = ("_burst", "_per_s", "_tokens", "_updated_s")

    def __init__(self, *, burst: float, per_s: float, now_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._tokens, self._updated_s = burst, now_s

    def take(self, now_s: float, amount: float = 1.0) -> bool:
        """Take ``amount`` tokens if they are there; False changes nothing."""
        self._refill(now_s)
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True

    def wait_s(self, now_s: float, amount: float = 1.0) -> float:
        """Seconds until ``amount`` tokens will be there; 0 when they are."""
        self._refill(now_s)
        return max(0.0, (amount - self._tokens) / self._per_s)

    def _refill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._updated_s)
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_s)
        self._updated_s = max(self._updated_s, now_s)


class KeyedBuckets:
    """One bucket a key, for the ``capacity`` keys seen last; the oldest is forgotten first.

    A forgotten key starts with a full bucket, so a flood from many keys costs memory for
    ``capacity`` buckets and no more.
    """

    def __init__(self, *, burst: float, per_s: float, capacity: int) -> None:
        self._burst, self._per_s, self._capacity = burst, per_s, capacity
        self._buckets: OrderedDict[Hashable, TokenBucket] = OrderedDict()

    def take(self, key: Hashable, now_s: float, amount: float = 1.0) -> bool:
        """Take from the key's bucket; False when it is empty."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(burst=self._burst, per_s=self._per_s, now_s=now_s)
            self._buckets[key] = bucket
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now_s, amount)

    def is_empty(self, key: Hashable, now_s: float) -> bool:
        """Whether nothing could be taken from the key's bucket now. Makes no bucket."""
        bucket = self._buckets.get(key)
        return bucket is not None and bucket.wait_s(now_s) > 0.0

    def __len__(self) -> int:
        return len(self._buckets)
