"""The queue on disk: nothing lost beyond what is told, no number used twice, whatever happens to its files."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrine.errors import ConfigurationError
from vitrine.ranges import Ranges
from vitrine.uplink import Loss
from vitrine_gateway.queue import Frame, Kind, Queue
from vitrine_gateway.queue.state import FILES

BOOT, OTHER_BOOT = "boot-1", "boot-2"


def open_queue(folder: Path, *, boot: str = BOOT, max_bytes: int = 1_000_000, segment_bytes: int = 2_000) -> Queue:
    return Queue(folder, max_bytes=max_bytes, boot=boot, segment_bytes=segment_bytes)


def crash(queue: Queue) -> None:
    """Let go of the files as the kernel does for a killed process: nothing is written any more."""
    queue._files.close()
    os.close(queue._lock)


def numbers(queue: Queue) -> list[int]:
    return [number for first, last in queue.pending for number in range(first, last + 1)]


def everything(queue: Queue) -> list[Frame]:
    return queue.read(numbers(queue))


def reports(frames: list[Frame]) -> list[Loss]:
    return [Loss.from_json(frame.body.decode()) for frame in frames if frame.kind is Kind.LOSS]


def lost(frames: list[Frame]) -> Ranges:
    return Ranges(pair for report in reports(frames) for pair in report.records)


def test_records_are_numbered_from_one_and_come_back_in_order(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    for text in (b"one", b"two", b"three"):
        queue.append(text, 1_700_000_000_000)
    assert [(frame.number, frame.body) for frame in everything(queue)] == [(1, b"one"), (2, b"two"), (3, b"three")]
    queue.close()


def test_epoch_and_records_outlive_a_restart(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    epoch = queue.epoch
    queue.append(b"kept", 1)
    queue.close()
    again = open_queue(tmp_path)
    assert again.epoch == epoch
    assert [frame.body for frame in everything(again)] == [b"kept"]
    assert again.append(b"next", 2).number == 2
    again.close()


def test_settled_files_are_removed(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    for _ in range(200):
        queue.append(b"x" * 50, 1)
    assert len(list(tmp_path.glob("*.queue"))) > 5
    queue.settle(Ranges([(1, 200)]))
    assert len(list(tmp_path.glob("*.queue"))) == 1
    assert not queue.pending
    queue.close()
    again = open_queue(tmp_path)
    assert not again.pending
    assert again.append(b"y", 1).number == 201
    again.close()


def test_acknowledgement_of_numbers_never_given_away_is_ignored(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    queue.append(b"x", 1)
    queue.settle(Ranges([(2, 5_000_000)]))
    assert queue.append(b"y", 1).number == 2
    assert numbers(queue) == [1, 2]
    queue.close()


def test_full_queue_drops_the_oldest_and_tells_which(tmp_path: Path) -> None:
    queue = open_queue(tmp_path, max_bytes=20_000)
    for number in range(1, 1_001):
        queue.append(b"x" * 50, 1_000 * number)
    assert queue.size <= 20_000 + 2_000
    frames = everything(queue)
    told = lost(frames)
    samples = Ranges((frame.number, frame.number) for frame in frames if frame.kind is Kind.SAMPLE)
    reports = Ranges((frame.number, frame.number) for frame in frames if frame.kind is Kind.LOSS)
    covered = Ranges([*told, *samples, *reports])
    assert list(covered) == [(1, queue.last_number)]
    assert not [number for first, last in told for number in range(first, last + 1) if number in samples]
    queue.close()


def test_a_loss_report_says_which_times_it_covers(tmp_path: Path) -> None:
    queue = open_queue(tmp_path, max_bytes=20_000)
    for number in range(1, 400):
        queue.append(b"x" * 50, 1_000 * number)
    reports = [Loss.from_json(frame.body.decode()) for frame in everything(queue) if frame.kind is Kind.LOSS]
    assert reports[0].first_ms == 1_000
    assert all(report.reason == "the queue is full" for report in reports)
    assert all(first.last_ms < second.first_ms for first, second in itertools.pairwise(reports))
    queue.close()


def test_two_gateways_cannot_share_a_queue(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    with pytest.raises(ConfigurationError, match="another gateway"):
        open_queue(tmp_path)
    queue.close()


def test_power_cut_moves_on_to_numbers_that_were_never_sent(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    for _ in range(10):
        queue.append(b"x", 5_000)
    path = queue._files.active.path
    crash(queue)
    with path.open("r+b") as file:  # the disk had not yet been told to keep the last records
        file.truncate(path.stat().st_size - 60)
    again = open_queue(tmp_path, boot=OTHER_BOOT)
    following = again.append(b"y", 6_000).number
    assert following > 1_000
    frames = everything(again)
    present = Ranges((frame.number, frame.number) for frame in frames)
    assert list(Ranges([*lost(frames), *present])) == [(1, following)]
    again.close()


def test_killed_process_loses_nothing_and_skips_nothing(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    for _ in range(10):
        queue.append(b"x", 1)
    crash(queue)
    again = open_queue(tmp_path)
    assert numbers(again) == list(range(1, 11))
    assert again.append(b"y", 1).number == 11
    assert not lost(everything(again))
    again.close()


@pytest.mark.parametrize("kept", [0, 3, 20, 40])
def test_process_killed_while_it_wrote_skips_no_number(tmp_path: Path, kept: int) -> None:
    queue = open_queue(tmp_path)
    queue.append(b"x", 1)
    path = queue._files.active.path
    crash(queue)
    with path.open("ab") as file:
        file.write(Frame(2, 1, Kind.SAMPLE, b"y" * 30).to_bytes()[:kept])
    (tmp_path / "0000000000000002.queue").write_bytes(b"VITRI"[: kept // 4])  # and a file that it had begun
    again = open_queue(tmp_path)
    assert again.append(b"z", 1).number == 2
    assert not lost(everything(again))
    again.close()


def test_damaged_state_is_rebuilt_from_the_records(tmp_path: Path) -> None:
    queue = open_queue(tmp_path)
    for _ in range(100):
        queue.append(b"x" * 50, 1)
    queue.settle(Ranges([(1, 60)]))
    epoch = queue.epoch
    crash(queue)
    for name in FILES:
        if (tmp_path / name).exists():
            (tmp_path / name).write_text("nonsense")
    again = open_queue(tmp_path)
    assert again.epoch == epoch
    assert set(range(61, 101)) <= set(numbers(again))
    assert again.append(b"y", 1).number > 1_000
    again.close()


@pytest.mark.parametrize("torn", FILES)
def test_one_torn_state_leaves_the_other_and_no_number_is_given_twice(tmp_path: Path, torn: str) -> None:
    queue = open_queue(tmp_path)
    queue.close()  # both files are there, and say that the queue was closed properly
    queue = open_queue(tmp_path)
    for _ in range(2_500):
        queue.append(b"x", 1)
    queue.settle(Ranges([(1, 2_500)]))
    epoch, last = queue.epoch, queue.last_number
    crash(queue)
    whole = (tmp_path / torn).read_bytes()
    (tmp_path / torn).write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    for path in tmp_path.glob("*.queue"):
        path.unlink()  # what a power cut takes with it
    again = open_queue(tmp_path)
    assert again.epoch == epoch
    assert again.append(b"y", 1).number > last
    again.close()


def test_disk_that_takes_nothing_is_told_once_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = open_queue(tmp_path)
    queue.append(b"x", 1)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                queue.append(b"x", 1)
    queue.append(b"x", 1)
    assert list(lost(everything(queue))) == [(2, 4)]
    queue.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_to_the_files_each_number_is_there_settled_or_told(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("queue")
    queue = open_queue(folder)
    bodies: dict[int, bytes] = {}
    settled = Ranges()
    for round_ in range(data.draw(st.integers(1, 3), label="rounds")):
        for _ in range(data.draw(st.integers(0, 80), label="appended")):
            body = random.randbytes(random.randint(0, 100))
            bodies[queue.append(body, 1_000).number] = body
        if bodies and data.draw(st.booleans(), label="settles"):
            first = data.draw(st.integers(1, max(bodies)), label="first")
            last = data.draw(st.integers(first, max(bodies)), label="last")
            settled.add(first, last)
            queue.settle(Ranges([(first, last)]))
        paths = sorted(folder.glob("*.queue"))
        crash(queue)
        _damage(data.draw(st.sampled_from(paths), label="file"), data)
        before = max(bodies, default=0)
        queue = open_queue(folder, boot=f"boot-{round_}")
        everything(queue)  # damage in a finished file is found when it is read
        frames = everything(queue)
        for frame in frames:
            if frame.kind is Kind.SAMPLE:
                assert bodies[frame.number] == frame.body
        told, present = lost(frames), Ranges((frame.number, frame.number) for frame in frames)
        assert sum(len(one.records) for one in reports(frames)) == len(told), "a record was reported twice"
        for number in bodies:
            assert number not in told or number not in present
            assert number in told or number in present or number in settled
        new = queue.append(b"new", 1_000).number
        assert new > before
        bodies[new] = b"new"
        settled.add(1, queue.last_number)
        queue.settle(Ranges([(1, queue.last_number)]))
    queue.close()


def _damage(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    how = data.draw(st.sampled_from(["nothing", "truncate", "flip", "zero", "append"]), label="damage")
    at = data.draw(st.integers(0, len(content) - 1), label="at")
    if how == "truncate":
        del content[at:]
    elif how == "flip":
        content[at] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    elif how == "zero":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    elif how == "append":
        content += random.randbytes(40)
    path.write_bytes(bytes(content))


_WRITER = """
import sys
from pathlib import Path
from vitrine_gateway.queue import Queue
queue = Queue(Path(sys.argv[1]), max_bytes=10_000_000, boot="boot-1", segment_bytes=4_000)
while True:
    frame = queue.append(str(queue.last_number + 1).encode(), 1)
    sys.stdout.write(f"{frame.number}\\n")
    sys.stdout.flush()
"""


def test_kill_9_at_random_loses_nothing_that_was_told(tmp_path: Path) -> None:
    told = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert int(first) > told
        time.sleep(random.uniform(0.05, 0.3))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")
        process.stdout.close()
        process.wait()
        told = int(rest[-2] if len(rest) > 1 else first)
    queue = open_queue(tmp_path, max_bytes=10_000_000)
    frames = everything(queue)
    assert [frame.number for frame in frames] == list(range(1, queue.last_number + 1))
    assert queue.last_number >= told
    assert all(int(frame.body) == frame.number for frame in frames)
    queue.close()
