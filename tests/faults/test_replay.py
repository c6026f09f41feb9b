from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from faults.real.images import Loss
from faults.real.needs import Need
from faults.real.replay import Image, Outcome, examine, images, main, replay
from faults.real.storage_work import draw_submissions
from faults.real.strace import Event, Said, Sync, Write
from storage import InlineJournal, open_environment

FILE = "/data.mdb"

needs_strace = pytest.mark.skipif(Need.STRACE.missing() is not None, reason=str(Need.STRACE.missing()))


def store(folder: Path, count: int) -> bytes:
    """The file of a store with so many submissions."""
    with open_environment(folder, map_bytes=1 << 26, reserve_bytes=0) as environment:
        journal = InlineJournal(environment)
        for ops in draw_submissions(0, count):
            journal.submit(ops, lambda _error: None)
    return (folder / "durable" / "data.mdb").read_bytes()


def test_an_image_is_of_each_kind_at_each_event_and_knows_what_was_promised_by_then() -> None:
    events: list[Event] = [Write(FILE, 0, b"a", False), Sync(FILE), Said(b"1\n"), Write(FILE, 1, b"b", False)]
    seen = list(images(events, FILE, Random(1), 1_000))
    assert [(image.point, image.loss) for image in seen] == [
        (point, loss) for point in (0, 1, 3, 4) for loss in Loss
    ]
    assert [image.promised for image in seen if image.loss is Loss.ALL] == [0, 0, 1, 1]
    assert [image.content for image in seen if image.loss is Loss.ALL] == [b"", b"", b"a", b"a"]


def test_of_too_many_images_a_sample_is_looked_at() -> None:
    events = [Write(FILE, 0, b"a", False)] * 100
    assert len(list(images(events, FILE, Random(1), 30))) == 30


def test_a_whole_store_with_all_that_was_promised_is_whole_and_with_less_it_has_lost(tmp_path: Path) -> None:
    content = store(tmp_path / "store", 30)
    work = draw_submissions(0, 40)

    def found(promised: int) -> Outcome:
        return examine(Image(0, Loss.ALL, content, promised), tmp_path / "image", work)[0]

    assert found(30) is Outcome.WHOLE
    assert found(20) is Outcome.WHOLE
    assert found(31) is Outcome.LOST


def test_damage_and_rows_of_other_work_are_corrupt(tmp_path: Path) -> None:
    content = store(tmp_path / "store", 30)
    image = Image(0, Loss.ALL, content, 0)
    assert examine(image, tmp_path / "image", draw_submissions(1, 40))[0] is Outcome.CORRUPT
    cut_short = Image(0, Loss.ALL, content[:9_000], 0)
    assert examine(cut_short, tmp_path / "image", draw_submissions(0, 40))[0] is Outcome.CORRUPT


@needs_strace
@pytest.mark.slow
def test_a_store_comes_back_whole_from_every_power_loss(tmp_path: Path) -> None:
    findings = replay(tmp_path, 1, submissions=60, count=120)
    assert findings.counts == {Outcome.WHOLE: 120}, findings.words


@needs_strace
@pytest.mark.slow
def test_a_store_that_does_not_wait_for_the_disk_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--without-sync", "--submissions", "60", "--images", "80"]) == 1
    assert "lost" in capsys.readouterr().out
