from __future__ import annotations

from storage.figures import BATCH_SIZE_BUCKETS, COMMIT_SECONDS_BUCKETS, CommitFigures


def test_a_commit_is_counted_in_every_figure() -> None:
    figures = CommitFigures()
    figures.count_commit(submissions=3, operations=9, failed=1, seconds=0.004)
    figures.count_commit(submissions=1, operations=2, failed=0, seconds=0.001)
    seen = figures.snapshot(backlog=2, backlog_peak=7, storage_full=False)
    assert (seen.commits, seen.submissions, seen.operations, seen.failed) == (2, 4, 11, 1)
    assert (seen.backlog, seen.backlog_peak, seen.largest_batch) == (2, 7, 3)
    assert (seen.commit_seconds_sum, seen.commit_seconds_max) == (0.005, 0.004)


def test_a_bucket_includes_its_upper_bound_and_the_last_takes_the_rest() -> None:
    figures = CommitFigures()
    figures.count_commit(BATCH_SIZE_BUCKETS[-1], 0, 0, COMMIT_SECONDS_BUCKETS[0])
    figures.count_commit(BATCH_SIZE_BUCKETS[-1] + 1, 0, 0, COMMIT_SECONDS_BUCKETS[-1] + 1)
    seen = figures.snapshot(0, 0, False)
    assert seen.batch_sizes[-2:] == (1, 1)
    assert (seen.commit_seconds[0], seen.commit_seconds[-1]) == (1, 1)
    assert sum(seen.batch_sizes) == sum(seen.commit_seconds) == seen.commits
