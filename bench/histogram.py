"""Counts durations in buckets that widen with what they hold, as Gil Tene's HdrHistogram does.

A bucket is a microsecond up to 2,048 µs; beyond that each doubling has 1,024 buckets, so that a percentile is
never more than 0.1 % off, be it 40 µs or 40 s, and recording costs one dict look-up. Histograms of several
processes or seconds are added without losing anything, which averages of percentiles would.
http://hdrhistogram.org
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

PRECISION_BITS = 11  # 2,048 values before buckets begin to widen: three significant digits
HALF_BITS = PRECISION_BITS - 1

MICROSECONDS = 1e6


class Histogram:
    """Durations in seconds go in, percentiles in milliseconds come out."""

    __slots__ = ("_buckets",)

    def __init__(self, buckets: Mapping[int, int] | None = None) -> None:
        self._buckets: dict[int, int] = dict(buckets or {})  # {bucket: how many}

    def __len__(self) -> int:
        return sum(self._buckets.values())

    def record(self, seconds: float) -> None:
        """Count one duration; a negative one (no clock gives any) counts as none."""
        value = max(0, int(seconds * MICROSECONDS))
        shift = value.bit_length() - PRECISION_BITS
        bucket = value if shift <= 0 else (shift << HALF_BITS) + (value >> shift)
        buckets = self._buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1

    def add(self, other: Histogram) -> None:
        """Count everything that `other` has counted, too."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count

    def percentile_ms(self, percent: float) -> float | None:
        """The duration that `percent` of all did not exceed; None if nothing was recorded."""
        wanted = math.ceil(len(self) * percent / 100)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return round(_highest(bucket) / 1000, 3)
        return None

    @property
    def max_ms(self) -> float | None:
        """The longest duration; None if nothing was recorded."""
        return self.percentile_ms(100)

    def as_pairs(self) -> list[tuple[int, int]]:
        """What was counted, as (bucket, how many) in order: for a file, or for another process."""
        return sorted(self._buckets.items())

    def curve(self) -> list[tuple[float, float]]:
        """The cumulative distribution, as (percent, milliseconds), for a plot."""
        total, seen, points = len(self), 0, []
        for bucket, count in self.as_pairs():
            seen += count
            points.append((100 * seen / total, _highest(bucket) / 1000))
        return points


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram of everything that several have counted."""
    result = Histogram()
    for histogram in histograms:
        result.add(histogram)
    return result


def _highest(bucket: int) -> int:
    """The longest duration, in microseconds, that falls into a bucket."""
    shift = max(0, (bucket >> HALF_BITS) - 1)
    return (((bucket - (shift << HALF_BITS)) + 1) << shift) - 1
