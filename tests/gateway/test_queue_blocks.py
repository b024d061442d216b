"""How the queue's files fill the blocks of a disk, and that files written before they did are read."""

import json
import os
import random
import struct
import zlib
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vitrine_gateway.flushing import pause_s
from vitrine_gateway.queue import Frame, Kind, Queue
from vitrine_gateway.queue.frame import BLOCK_BYTES
from vitrine_gateway.record_bytes import decode

from .test_queue import BOOT, OTHER_BOOT, crash, everything, lost, numbers, open_queue
from .test_time import FORMER

LARGE = 1 << 19


@pytest.mark.parametrize(
    ("batch", "blocks"),
    [(200, 1), (1000, 1), (1400, 1), (2500, 1), (4000, 1), (5000, 2), (8100, 2), (9000, 3)],
)
def test_a_flush_writes_no_more_blocks_than_its_bytes_need(tmp_path: Path, batch: int, blocks: int) -> None:
    queue = open_queue(tmp_path, max_bytes=1 << 30, segment_bytes=LARGE)
    parts = 4
    body = bytes(batch // parts - Frame(1, 1, Kind.SAMPLE, b"").size)
    queue.flush()
    for _ in range(2):  # what a flush takes is known from the one before
        _batch(body, parts, queue)
    before = queue.statistics().disk_bytes_total
    for _ in range(50):
        _batch(body, parts, queue)
    assert queue.statistics().disk_bytes_total - before == 50 * blocks * BLOCK_BYTES
    assert queue.size < 2 * 52 * batch + BLOCK_BYTES, "half of it is gaps at most"
    crash(queue)
    again = open_queue(tmp_path, segment_bytes=LARGE)
    assert again.statistics().skipped == 0
    assert [frame.body for frame in everything(again)] == [body] * (52 * parts)
    again.close()


def _batch(body: bytes, parts: int, queue: Queue) -> None:
    for _ in range(parts):
        queue.append(body, 1)
    queue.fill()
    queue.flush()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.integers(0, 3000), max_size=6), min_size=1, max_size=12),
    st.sampled_from(["killed", "cut", "zero"]),
    st.floats(0, 1),
)
@example([[]], "killed", 0.0)
def test_each_number_is_there_or_told_where_blocks_are_skipped(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], damage: str, place: float
) -> None:
    folder = tmp_path_factory.mktemp("queue")
    queue = open_queue(folder, segment_bytes=20_000)
    bodies = {}
    for sizes in batches:
        for size in sizes:
            body = random.randbytes(size)
            bodies[queue.append(body, 1).number] = body
        queue.fill()
        queue.flush()
    path = queue._files.active.path
    crash(queue)
    content = path.read_bytes()
    at = int(place * len(content))
    if damage == "cut":
        path.write_bytes(content[:at])
    elif damage == "zero":
        path.write_bytes(content[:at] + bytes(min(64, len(content) - at)) + content[at + 64 :])
    again = open_queue(folder, boot=BOOT if damage == "killed" else OTHER_BOOT, segment_bytes=20_000)
    frames = everything(again)
    present = {frame.number: frame.body for frame in frames if frame.kind is Kind.SAMPLE}
    told = lost(frames)
    for number, body in bodies.items():
        assert (number in told) != (number in present)
        assert number in told or present[number] == body
    if damage == "killed":
        assert not told, batches
        assert again.statistics().skipped == 0
    again.close()


@pytest.mark.parametrize("kept", [0, 3, 20, 40])
def test_process_killed_while_it_began_a_block_skips_no_number(tmp_path: Path, kept: int) -> None:
    queue = open_queue(tmp_path)
    queue.append(b"x", 1)
    path = queue._files.active.path
    crash(queue)
    with path.open("r+b") as file:
        if kept:
            file.seek(BLOCK_BYTES)
            file.write(Frame(2, 1, Kind.SAMPLE, b"y" * 30).to_bytes()[:kept])
    again = open_queue(tmp_path)
    assert again.append(b"z", 1).number == 2
    assert not lost(everything(again))
    assert again.statistics().skipped == 0
    again.close()


def test_queue_of_the_former_form_is_read(tmp_path: Path) -> None:
    """Frames without any gap, records value by value, one file of the state."""
    epoch = UUID("8c4d5b0e-6c3f-4c0e-9f43-0d1f6f7f2b11")
    bodies = [bytes.fromhex(former) for former in FORMER] * 40
    content = b"VITRINEQ1\n" + epoch.bytes
    for number, body in enumerate(bodies, 1):
        checked = struct.pack(">QqB", number, 1764100000000, 1) + body
        content += b"\xa5VF\x5a" + struct.pack(">II", len(body), zlib.crc32(checked)) + checked
    assert len(content) > 2 * BLOCK_BYTES
    (tmp_path / "0000000000000001.queue").write_bytes(content)
    text = json.dumps({"epoch": str(epoch), "reserved": 1000, "boot": BOOT, "closed_at": 0, "settled": "1-2"})
    (tmp_path / "state.json").write_text(f"{zlib.crc32(text.encode()):08x}\n{text}\n")
    queue = open_queue(tmp_path, segment_bytes=LARGE)
    assert queue.epoch == epoch
    assert numbers(queue) == list(range(3, len(bodies) + 1))
    records = list(FORMER.values()) * 40
    assert [decode(frame.body) for frame in everything(queue)] == records[2:]
    assert queue.append(b"new", 1).number == len(bodies) + 1
    assert queue.statistics().skipped == 0
    queue.close()


def test_a_full_disk_leaves_the_file_as_it_was_where_a_block_was_to_be_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = open_queue(tmp_path, max_bytes=1 << 30, segment_bytes=LARGE)
    queue.append(bytes(2500), 1)
    size = queue.size
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", _full)
        queue.fill()
    queue.flush()
    assert queue._files.active.path.stat().st_size == queue.size == size
    queue.close()


@pytest.mark.parametrize(("took", "pause"), [(0.0, 5.0), (0.5, 4.0), (1.25, 2.5), (30.0, 2.5)])
def test_loss_window_counts_the_time_that_the_disk_takes(took: float, pause: float) -> None:
    assert pause_s(5.0, took) == pause
    assert took > 1.25 or took + pause + took <= 5.0


def _full(*_: object) -> int:
    raise OSError(28, "No space left on device")
