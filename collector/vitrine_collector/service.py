"""The collector as one process: the network, the intake and the writing, each in its thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from vitrine.logs import logger
from vitrine.uplink import HOST
from vitrine_collector.central_work import CentralWork
from vitrine_collector.host import Host
from vitrine_collector.inbox import Inbox
from vitrine_collector.intake import Intake
from vitrine_collector.limits import Limits
from vitrine_collector.members import BEAT_S, Members
from vitrine_collector.outbox import Outbox
from vitrine_collector.series_quality import SeriesQuality
from vitrine_collector.session import Broker
from vitrine_collector.start_checks import check_database
from vitrine_collector.store import Stopped, Store

_log = logger("collector")
_IDLE_S = 0.05
#: Between two looks for values whose neighbours have come.
_JUDGE_S = 1.0


class Collector:
    """Runs until `stop`; `wait` returns when everything that was taken is written and acknowledged."""

    def __init__(
        self,
        database_url: str,
        broker: Broker,
        limits: Limits | None = None,
        *,
        host_id: str = HOST,
        inbox: Inbox | None = None,
        patience_s: float = 10.0,
        grace_s: float = 10.0,
    ) -> None:
        self.inbox = Inbox() if inbox is None else inbox
        self.host = Host(broker, self.inbox, host_id=host_id, patience_s=patience_s)
        self._grace_s = grace_s
        self._abandon = threading.Event()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._catalogue_store = Store(database_url, self._abandon, name="vitrine collector births")
        self._write_store = Store(database_url, self._abandon, name="vitrine collector")
        self.outbox = Outbox(self._write_store, self.host, self._abandon)
        self._judge_store = Store(database_url, self._stopping, name="vitrine collector quality")
        self.series_quality = SeriesQuality()
        self._member_store = Store(database_url, self._stopping, name="vitrine collector members")
        self.members = Members()
        self._central_store = Store(database_url, self._abandon, name="vitrine collector sensors")
        self.central = CentralWork(self._central_store, broker, self.members, host_id)
        self.intake = Intake(
            self._catalogue_store,
            self.outbox.hand_over,
            limits or Limits(),
            writer_waits=lambda: self.outbox.waits,
            members=self.members,
        )
        work = {
            "host": self.host.run,
            "intake": self._take_in,
            "write": self.outbox.run,
            "quality": self._judge,
            "sensors": lambda: self.central.run(self._stopping),
            "members": self._belong,
        }
        self._threads = [
            threading.Thread(target=self._watched(todo), name=f"collector-{name}", daemon=True)
            for name, todo in work.items()
        ]

    @property
    def reachable(self) -> bool:
        """Tell whether the database took the last that was given to it; it is asked every few seconds."""
        return self._write_store.reachable and self._member_store.reachable

    @property
    def failure(self) -> str:
        """Say in English what ended the collector's work; '' while it goes on."""
        return f"{type(self._failure).__name__}: {self._failure}" if self._failure else ""

    def start(self) -> bool:
        """Check the database, waiting for it if need be, and begin; False where the end came before."""
        try:
            self._write_store.run(check_database)
        except BaseException as error:
            self._write_store.close()
            if isinstance(error, Stopped):
                return False
            raise
        for thread in self._threads:
            thread.start()
        return True

    def request_stop(self) -> None:
        """Ask for the end; may be called from a signal handler."""
        self._stopping.set()
        if not self._threads[0].ident:
            # Still waiting for the database: there is nothing to save.
            self._abandon.set()

    def wait(self) -> None:
        """Wait for the end, and end in order: stop listening, write, acknowledge, say offline."""
        self._stopping.wait()
        _, intake, write, _, sensors, *_ = self._threads
        self.host.stop_listening()
        deadline = time.monotonic() + self._grace_s
        for thread in (intake, write, sensors):
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in (intake, write, sensors)):
            _log.warning("end without the database; gateways will send again", messages=len(self.inbox))
            self._abandon.set()
        self.host.leave()
        for thread in self._threads:
            thread.join(self._grace_s)
        self._catalogue_store.close()
        self._write_store.close()
        self._judge_store.close()
        self._member_store.close()
        self._central_store.close()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End, and wait for it."""
        self.request_stop()
        self.wait()

    def _take_in(self) -> None:
        while True:
            ending = self._stopping.is_set()
            items = self.inbox.take(_IDLE_S)
            for item in items:
                self.intake.handle(item)
            for node in self.intake.tick():
                self.host.ask_rebirth(node)
            if ending and not items:
                self.intake.finish()
                self.outbox.hand_over(None)
                return

    def _belong(self) -> None:
        while not self._stopping.wait(BEAT_S):
            # Who does not hear the broker has no node.
            online = self.host.online.is_set()
            self._member_store.run(self.members.beat if online else self.members.leave)
        self._member_store.run(self.members.leave)

    def _judge(self) -> None:
        while not self._stopping.wait(_JUDGE_S):
            self._judge_store.run(lambda connection: self.series_quality.work(connection, self._stopping))

    def _watched(self, work: Callable[[], None]) -> Callable[[], None]:
        """Let no thread die unheard: its failure ends the collector."""

        def watch() -> None:
            try:
                work()
            except Stopped:
                _log.info("stopped", waiting=len(self.inbox))
            except BaseException as error:
                _log.exception("collector failed")
                self._failure = error
                self._abandon.set()
                self._stopping.set()

        return watch
