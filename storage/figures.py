"""What a journal counts: commits, batches, seconds, backlog. Numbers only, cheap enough to be always on."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

# Upper bounds of the buckets; what is above the last one has a bucket of its own.
COMMIT_SECONDS_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
BATCH_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class JournalStatistics:
    """A snapshot of a journal's counters since it was opened."""

    commits: int
    submissions: int
    operations: int
    # Submissions that were answered with an error after they had been taken.
    failed: int
    # Submissions that are waiting or on their way to the disk, now and at most.
    backlog: int
    backlog_peak: int
    largest_batch: int
    # Commits with at most BATCH_SIZE_BUCKETS[i] submissions (and more than the bucket before); the last is
    # the rest.
    batch_sizes: tuple[int, ...]
    # From the beginning of the write transaction until fsync has returned.
    commit_seconds_sum: float
    commit_seconds_max: float
    # As batch_sizes, by COMMIT_SECONDS_BUCKETS.
    commit_seconds: tuple[int, ...]
    # New messages are being refused because map or disk is nearly full.
    storage_full: bool


class CommitFigures:
    """The counters behind `JournalStatistics`: written by one thread, read by any.

    Each field is one assignment, so a reader sees a count that was true a moment ago.
    """

    __slots__ = (
        "batch_sizes",
        "commits",
        "failed",
        "largest_batch",
        "operations",
        "seconds",
        "seconds_max",
        "seconds_sum",
        "submissions",
    )

    def __init__(self) -> None:
        self.commits = 0
        self.submissions = 0
        self.operations = 0
        self.failed = 0
        self.largest_batch = 0
        self.batch_sizes = [0] * (len(BATCH_SIZE_BUCKETS) + 1)
        self.seconds_sum = 0.0
        self.seconds_max = 0.0
        self.seconds = [0] * (len(COMMIT_SECONDS_BUCKETS) + 1)

    def count_commit(self, submissions: int, operations: int, failed: int, seconds: float) -> None:
        """Note one batch that was settled, with its errors if it had any."""
        self.commits += 1
        self.submissions += submissions
        self.operations += operations
        self.failed += failed
        self.largest_batch = max(self.largest_batch, submissions)
        self.batch_sizes[bisect_left(BATCH_SIZE_BUCKETS, submissions)] += 1
        self.seconds_sum += seconds
        self.seconds_max = max(self.seconds_max, seconds)
        self.seconds[bisect_left(COMMIT_SECONDS_BUCKETS, seconds)] += 1

    def snapshot(self, backlog: int, backlog_peak: int, storage_full: bool) -> JournalStatistics:
        """The counters as they are now."""
        return JournalStatistics(
            commits=self.commits,
            submissions=self.submissions,
            operations=self.operations,
            failed=self.failed,
            backlog=backlog,
            backlog_peak=backlog_peak,
            largest_batch=self.largest_batch,
            batch_sizes=tuple(self.batch_sizes),
            commit_seconds_sum=self.seconds_sum,
            commit_seconds_max=self.seconds_max,
            commit_seconds=tuple(self.seconds),
            storage_full=storage_full,
        )
