"""Background work: the queue, what a dead worker leaves, and the worker as a process."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from vitrine.errors import DatasetError
from vitrine_database import retention
from vitrine_evaluation import jobs
from vitrine_evaluation.dataset import request
from vitrine_evaluation.dataset.verify import verify

from .conftest import FIRST, LAST, values


@pytest.fixture
def queue(place):
    found = jobs.app(place.database_url, place)
    with found.open():
        yield found


def work(queue):
    async def once():
        async with queue.open_async():
            await queue.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    asyncio.run(once())


def dataset(connection, number):
    return request.get(connection, number)


def waiting(connection):
    return connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'build_dataset'").fetchone()[0]


def test_a_job_builds_a_dataset(connection, place, queue):
    row = request.create(connection, "pilote", FIRST, LAST)
    jobs.defer_build(queue, row["dataset_id"])
    jobs.defer_build(queue, row["dataset_id"])
    assert waiting(connection) == 1
    work(jobs.app(place.database_url, place))
    built = dataset(connection, row["dataset_id"])
    assert built["build"] == "done"
    assert verify(request.path(place, built)).holds
    assert waiting(connection) == 0


def test_a_dataset_that_cannot_be_built_says_why(connection, place, queue):
    row = request.create(connection, "pilote", FIRST, LAST)
    folder = place.data_dir / "datasets"
    folder.parent.mkdir()
    folder.write_text("a file where the folder should be")
    jobs.defer_build(queue, row["dataset_id"])
    connection.execute("UPDATE procrastinate_jobs SET attempts = 2")
    work(jobs.app(place.database_url, place))
    failed = dataset(connection, row["dataset_id"])
    assert failed["build"] == "failed"
    assert "datasets" in failed["error"]


def test_no_dataset_is_made_where_measurements_were_dropped(connection, place, queue):
    """They stay while a build waits; once it has failed they go, and neither a new try nor a new request is any good."""
    row = request.create(connection, "pilote", FIRST, LAST)
    retention.set_rule(connection, "pilote", retention.LEAST)
    retention.hold(connection, "pilote", FIRST + timedelta(days=1), LAST, "kept")
    assert retention.apply(connection) == 0
    connection.execute("UPDATE dataset SET build = 'failed'")
    assert retention.apply(connection) > 0
    jobs.defer_build(queue, row["dataset_id"])
    work(jobs.app(place.database_url, place))
    words = "measurements of pilote from 2026-03-01T00:00:00+00:00 to 2026-03-02T00:00:00+00:00 were dropped"
    failed = dataset(connection, row["dataset_id"])
    assert failed["build"] == "failed"
    assert words in failed["error"]
    assert not list(place.data_dir.glob("datasets/*"))
    with pytest.raises(DatasetError) as refused:
        request.create(connection, "pilote", FIRST, LAST, "encore")
    assert words in str(refused.value)
    request.create(connection, "pilote", FIRST + timedelta(days=1), LAST, "reste")


def test_a_dead_workers_build_is_taken_up(connection, place, queue):
    row = request.create(connection, "pilote", FIRST, LAST)
    jobs.defer_build(queue, row["dataset_id"])
    connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    connection.execute("UPDATE dataset SET build = 'running', progress = 0.4")
    remains = place.data_dir / "datasets" / f".{row['slug']}-x7"
    remains.mkdir(parents=True)
    mended = jobs.app(place.database_url, place)

    async def mend():
        async with mended.open_async():
            await jobs.mend(mended, place.database_url)

    asyncio.run(mend())
    work(jobs.app(place.database_url, place))
    assert dataset(connection, row["dataset_id"])["build"] == "done"
    assert not remains.exists()


def test_a_request_without_a_job_gets_one(connection, place):
    row = request.create(connection, "pilote", FIRST, LAST)
    connection.execute("UPDATE dataset SET created_at = now() - interval '1 minute'")
    mended = jobs.app(place.database_url, place)

    async def mend():
        async with mended.open_async():
            await jobs.mend(mended, place.database_url)
            await jobs.mend(mended, place.database_url)

    asyncio.run(mend())
    assert waiting(connection) == 1
    work(jobs.app(place.database_url, place))
    assert dataset(connection, row["dataset_id"])["build"] == "done"


def until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


def test_the_worker_runs_as_a_process_and_stops_when_told(connection, place):
    row = request.create(connection, "pilote", FIRST, LAST)
    queue = jobs.app(place.database_url, place)
    with queue.open():
        jobs.defer_build(queue, row["dataset_id"])
    environment = os.environ | {"VITRINE_DATABASE_URL": place.database_url, "VITRINE_DATA_DIR": str(place.data_dir)}
    command = [sys.executable, "-c", "from vitrine_evaluation.commands import worker; worker(['run'])"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: dataset(connection, row["dataset_id"])["build"] == "done")
        until(lambda: len(values(connection, "removal", "day")) == 2)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, log
    assert "worker_stopped" in log
    assert "Traceback" not in log


def test_a_worker_without_a_database_says_so(tmp_path):
    environment = os.environ | {"VITRINE_DATABASE_URL": f"postgresql:///none?host={tmp_path}"}
    command = [
        sys.executable,
        "-c",
        "import sys; from vitrine.command import main; sys.argv = ['vitrine', 'worker', 'run']; main()",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no database answers" in done.stderr
