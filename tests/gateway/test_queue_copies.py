"""Crash consistency: copies of the queue's files taken at any instant under load reopen with all that was durable."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from vitrine.ranges import Ranges
from vitrine_gateway.queue import Queue
from vitrine_gateway.queue.frame import Frame, Kind
from vitrine_gateway.queue.state import FILES
from vitrine_gateway.queue.thinning import thin
from vitrine_gateway.record import Record, Value
from vitrine_gateway.record_bytes import decode, encode

from .host import until
from .test_queue import everything, lost, open_queue, reports

_WRITER = """
import sys
from pathlib import Path
from vitrine_gateway.queue import Queue
queue = Queue(Path(sys.argv[1]), max_bytes=50_000_000, boot="boot-1", segment_bytes=8_000)
while True:
    for _ in range(20):
        queue.append(str(queue.last_number + 1).encode(), 1)
    queue.fill()
    queue.flush()
    sys.stdout.write(f"{queue.durable}\\n")
    sys.stdout.flush()
"""


def test_copies_taken_under_load_hold_all_that_was_durable(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with (tmp_path / "durable").open("wb") as told:
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(source)], stdout=told)
    try:
        until(lambda: (tmp_path / "durable").stat().st_size, 60)
        for attempt in range(5):
            time.sleep(random.uniform(0.2, 0.5))
            lines = (tmp_path / "durable").read_text().split("\n")[:-1]
            durable = int(lines[-1]) if lines else 0
            copy = _copy(source, tmp_path / f"copy-{attempt}")
            queue = open_queue(copy, boot="another", max_bytes=50_000_000)
            frames = everything(queue)
            samples = {frame.number: frame.body for frame in frames if frame.kind is Kind.SAMPLE}
            assert set(range(1, durable + 1)) <= set(samples)
            assert all(int(body) == number for number, body in samples.items())
            assert not set(samples) & {number for first, last in lost(frames) for number in range(first, last + 1)}
            queue.close()
    finally:
        process.kill()
        process.wait()
    assert durable


def _copy(source: Path, target: Path) -> Path:
    """Copy the files in the order in which they grow, as a power cut keeps them: the state, then the records."""
    target.mkdir()
    for path in [*(source / name for name in FILES), *sorted(source.glob("*.queue"))]:
        if path.exists():
            shutil.copyfile(path, target / path.name)
    return target


def sample(number: int, at_ms: int, value: float) -> Frame:
    record = Record("d", bytes(16), 0, "ntp", (Value("a", at_ms, value, 0),))
    return Frame(number, at_ms, Kind.SAMPLE, encode(record))


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_thinning_keeps_a_measured_value_a_minute_and_tells_the_rest(values: list[float]) -> None:
    frames = [sample(number, 7_000 * number, value) for number, value in enumerate(values, 1)]
    epoch = uuid4()
    kept, losses = thin(frames, epoch)
    told = Ranges(pair for loss in losses for pair in loss.records)
    assert {frame.number for frame in kept} | {n for first, last in told for n in range(first, last + 1)} == set(
        range(1, len(values) + 1)
    )
    assert all(decode(frame.body).values[0].value == values[frame.number - 1] for frame in kept)
    assert all(loss.epoch == epoch for loss in losses)
    for loss in losses:
        for minute, count, mean, least, greatest in loss.statistics["d/a"]:
            of_minute = [v for n, v in enumerate(values, 1) if 7_000 * n // 60_000 == minute // 60]
            assert (count, least, greatest) == (len(of_minute), min(of_minute), max(of_minute))
            assert least - 1e-6 <= mean <= greatest + 1e-6


def test_full_queue_is_thinned_before_it_drops_and_gives_space_back(tmp_path: Path) -> None:
    queue = Queue(tmp_path, max_bytes=60_000, boot="b", segment_bytes=4_000)
    for number in range(1, 3_001):
        queue.append(sample(number, 1_000 * number, float(number)).body, 1_000 * number)
    on_disk = sum(path.stat().st_size for path in tmp_path.glob("*.queue"))
    assert on_disk == queue.size <= 64_000
    frames = everything(queue)
    reasons = [report.reason for report in reports(frames)]
    assert "thinned" in reasons
    covered = Ranges([*lost(frames), *((frame.number, frame.number) for frame in frames)])
    assert list(covered) == [(1, queue.last_number)]
    assert queue.statistics().thinned > 0
    queue.close()


def test_records_older_than_the_limit_are_dropped_and_told(tmp_path: Path) -> None:
    queue = Queue(tmp_path, max_bytes=1_000_000, boot="b", segment_bytes=1_000, max_age_s=60.0)
    now = 1_790_000_000_000
    for number in range(200):
        queue.append(b"x" * 20, now + 1_000 * number)
    queue.maintain(now + 200_000)
    assert any(report.reason.startswith("older") for report in reports(everything(queue)))
    queue.close()
