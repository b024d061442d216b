"""Background work, as jobs in the same PostgreSQL: indicators and datasets.

A job that a killed worker leaves behind is taken up by the next one, as soon as its heartbeat is too old.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import procrastinate
import psycopg
from procrastinate import exceptions
from procrastinate.job_context import JobContext

from vitrine.errors import VitrineError
from vitrine.logs import logger
from vitrine.settings import Settings, settings
from vitrine_database import retention, rollup
from vitrine_database.connection import connect
from vitrine_evaluation import indicators
from vitrine_evaluation.dataset.build import BusyError, build
from vitrine_evaluation.dataset.request import SQL

BUILD = "build_dataset"
#: Seconds that running jobs get to end by themselves when the worker is told to stop.
GRACE_S = 5.0
#: A worker that was not heard of for so many seconds is dead.
_DEAD_S = 30.0
_ATTEMPTS = 3
_log = logger("evaluation")


class _Words(logging.Handler):
    """Hands the queue's own log lines on, as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = {"error": f"{type(error).__name__}: {error}"} if error else {}
        _log.log(record.levelno, "job_queue", message=record.getMessage(), **reason)


def app(url: str, chosen: Settings | None = None) -> procrastinate.App:
    """Return the job queue of a database, with its tasks.

    To defer: ``with app.open(): app.configure_task("build_dataset", lock=…).defer(dataset_id=7)``, or `defer_build`.
    """
    queue = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url),
        periodic_defaults={"max_delay": 60.0},
    )
    base = chosen or settings()
    place = base.model_copy(update={"database_url": url})
    retry = procrastinate.RetryStrategy(max_attempts=_ATTEMPTS, linear_wait=5)
    queue.task(name=BUILD, pass_context=True, retry=retry)(partial(_build, place))
    _periodic(queue, "refresh_indicators", "* * * * * */10", partial(_refresh, url))
    _periodic(queue, "refresh_rollups", "* * * * * */10", partial(_refresh_rollups, url))
    _periodic(queue, "apply_retention", "17 * * * *", partial(_apply_retention, url))
    _periodic(queue, "mend", "* * * * * */30", partial(_mend, queue, url))
    return queue


def defer_build(queue: procrastinate.App, dataset_id: int) -> None:
    """Ask for the build of a dataset, once; the queue must be open."""
    waiting = queue.configure_task(BUILD, lock=f"dataset-{dataset_id}", queueing_lock=f"dataset-{dataset_id}")
    try:
        waiting.defer(dataset_id=dataset_id)
    except exceptions.AlreadyEnqueued:
        _log.info("dataset_already_queued", dataset_id=dataset_id)


async def defer_build_async(queue: procrastinate.App, dataset_id: int) -> None:
    """Ask for the build of a dataset, once; the queue must be open."""
    waiting = queue.configure_task(BUILD, lock=f"dataset-{dataset_id}", queueing_lock=f"dataset-{dataset_id}")
    try:
        await waiting.defer_async(dataset_id=dataset_id)
    except exceptions.AlreadyEnqueued:
        _log.info("dataset_already_queued", dataset_id=dataset_id)


async def run(url: str, *, handle_signals: bool = True) -> None:
    """Work until told to stop."""
    queue = app(url)
    channel = logging.getLogger("procrastinate")
    channel.handlers = [_Words()]
    channel.setLevel(logging.WARNING)
    channel.propagate = False
    _log.info("worker_started")
    async with queue.open_async():
        await queue.run_worker_async(
            name="vitrine",
            concurrency=2,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_S,
            stalled_worker_timeout=_DEAD_S,
            install_signal_handlers=handle_signals,
        )
    _log.info("worker_stopped")


def _periodic(queue: procrastinate.App, name: str, cron: str, work: object) -> None:
    task = queue.task(name=name, queueing_lock=name, lock=name, pass_context=name != "mend")(work)  # type: ignore[call-overload]
    queue.periodic(cron=cron)(task)


def _build(place: Settings, context: JobContext, dataset_id: int) -> None:
    """Build a dataset; what cannot be built is told in its row, what was stopped begins anew."""

    def going_on(share: float, stage: str) -> None:
        if context.should_abort():
            raise exceptions.JobAborted

    with connect(place.database_url, name="vitrine worker") as connection:
        log = _log.bind(dataset_id=dataset_id)
        try:
            row = build(place, dataset_id, going_on)
        except BusyError:
            log.info("dataset_busy")
        except exceptions.JobAborted:
            connection.execute(SQL["waiting_again"], {"dataset": dataset_id})
            log.info("dataset_stopped")
            raise
        except VitrineError as error:
            connection.execute(SQL["failed"], {"dataset": dataset_id, "error": str(error)})
            log.error("dataset_failed", error=str(error))  # noqa: TRY400  # the message says it all
        except Exception as error:
            _again_or_failed(connection, context, dataset_id, error)
            raise
        else:
            log.info("dataset_built", slug=row["slug"], rows=row["rows"], bytes=row["file_bytes"])


def _again_or_failed(connection: psycopg.Connection, context: JobContext, dataset_id: int, error: Exception) -> None:
    last = (context.job.attempts or 0) + 1 >= _ATTEMPTS
    query, values = ("failed", {"error": str(error)}) if last else ("waiting_again", {})
    connection.execute(SQL[query], {"dataset": dataset_id, **values})


def _refresh(url: str, context: JobContext, timestamp: int) -> None:
    """Compute the indicators of stale hours."""
    with connect(url, name="vitrine worker") as connection:
        hours = indicators.refresh(connection, going_on=lambda _: not context.should_abort())
    if hours:
        _log.info("indicators_refreshed", hours=hours)


def _refresh_rollups(url: str, context: JobContext, timestamp: int) -> None:
    """Bring stored rollups up to their measurements; TimescaleDB Community does it by itself."""
    with connect(url, name="vitrine worker") as connection:
        hours = rollup.refresh_stale(connection, lambda done, of: not context.should_abort())
    _log.debug("rollups_refreshed", hours=hours)


def _apply_retention(url: str, context: JobContext, timestamp: int) -> None:
    """Drop what the terms of the installations let go."""
    with connect(url, name="vitrine worker") as connection:
        rows = retention.apply(connection, lambda _: not context.should_abort())
    if rows:
        _log.info("retention_applied", rows=rows)


async def _mend(queue: procrastinate.App, url: str, timestamp: int) -> None:
    await mend(queue, url)


async def mend(queue: procrastinate.App, url: str) -> None:
    """Take up what a dead worker left, and what was asked for without a job."""
    for job in await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_S):
        _log.warning("job_taken_up", task=job.task_name, job=job.id)
        await queue.job_manager.retry_job(job)
    for dataset_id in await asyncio.to_thread(_left_over, url):
        await defer_build_async(queue, dataset_id)


def _left_over(url: str) -> list[int]:
    """Mark the hours of new indicators, and return the datasets that no job will build."""
    with connect(url, name="vitrine worker") as connection:
        indicators.mark_new(connection)
        return [int(row[0]) for row in connection.execute(SQL["orphans"])]
