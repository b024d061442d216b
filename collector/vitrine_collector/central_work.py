"""Writing what sensors publish to the platform's broker: one collector does it at a time, another takes over."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import partial

import psycopg

from vitrine.errors import PayloadError
from vitrine.logs import logger
from vitrine_collector import witness
from vitrine_collector.arrival import Arrival
from vitrine_collector.batch import Batch, Refused
from vitrine_collector.central import Heard, Watch, take
from vitrine_collector.central_session import CentralSession, Delivered
from vitrine_collector.commit import Commit
from vitrine_collector.faults import reason_of
from vitrine_collector.members import Members
from vitrine_collector.rebirths import Node
from vitrine_collector.session import Broker
from vitrine_collector.store import Store
from vitrine_database.queries import Queries

_SQL = Queries("vitrine_collector", "queries/central.sql")
_log = logger("collector")
#: What stands for all central sensors when collectors share their work.
_ALL: Node = ("", "sensors")
_LOOK_S, _TAKE_S, _AGAIN_S = 5.0, 0.2, 2.0
CODE = "sensor-message"


class CentralWork:
    """Reads sensors while that is this collector's business."""

    def __init__(self, store: Store, broker: Broker, members: Members, host_id: str) -> None:
        self._store, self._broker, self._members = store, broker, members
        self._client_id = f"{host_id}-sensors"
        self._arrival = Arrival()
        self._watch, self._looked = Watch(), float("-inf")
        self._session: CentralSession | None = None
        self._online: dict[int, bool] = {}
        #: What became of the messages.
        self.counts: Counter[str] = Counter()

    def run(self, stopping: threading.Event) -> None:
        """Work until `stopping`; what was taken by then is written and acknowledged."""
        try:
            while not stopping.is_set():
                self._look()
                if not self._watch.filters or not self._members.mine(_ALL):
                    self._leave()
                    stopping.wait(_TAKE_S)
                elif not self._listening():
                    stopping.wait(_AGAIN_S)
                elif delivered := self._session.take(_TAKE_S) if self._session else []:
                    self.write(delivered)
        finally:
            self._leave()

    def write(self, delivered: list[Delivered]) -> None:
        """Write messages in one transaction, then acknowledge them."""
        batch, heard = Batch(), []
        for one in delivered:
            heard += [(one, each) for each in self._read(batch, one)]
        self._keep(batch)
        self._keep(self._noted(heard))
        for one in delivered:
            if self._session is not None:
                self._session.acknowledge(one)

    def _read(self, batch: Batch, one: Delivered) -> list[Heard]:
        """Add a message for each sensor that it is for; what cannot be read is kept once, with the first reason."""
        watched = self._watch.of(one.incoming.topic)
        self.counts["received"] += 1
        heard: list[Heard] = []
        try:
            heard += [take(batch, each, one.incoming, retained=one.retained, waited=one.waited) for each in watched]
        except PayloadError as error:
            self._refuse(batch, one, CODE, error.message)
        except Exception as error:
            # A mistake of ours must not stop the messages of others; it is kept with the message that shows it.
            _log.exception("message not understood", topic=one.incoming.topic)
            self._refuse(batch, one, "internal", f"{type(error).__name__}: {error}")
        else:
            self.counts["taken" if watched else "ignored"] += 1
        return heard

    def _refuse(self, batch: Batch, one: Delivered, code: str, reason: str) -> None:
        self.counts["refused"] += 1
        batch.refused.append(Refused(one.incoming, code, reason))

    def _keep(self, batch: Batch) -> None:
        batch.judge(self._arrival)
        if batch:
            self._store.run(Commit(batch).proceed)

    def _noted(self, heard: list[tuple[Delivered, Heard]]) -> Batch:
        """Write down which sensors are there, where that has changed; return the messages whose word is refused."""
        last = {each.watched.device_id: (one, each.online) for one, each in heard if each.online is not None}
        refused = Batch()
        for device, (one, online) in last.items():
            if self._online.get(device) == online:
                continue
            try:
                self._store.run(partial(_note, presence={"device": device, "online": online}), witness.born)
            except psycopg.Error as error:
                self._refuse(refused, one, "database", reason_of(error))
            else:
                self._online[device] = bool(online)
        return refused

    def _look(self) -> None:
        """Learn what files have been applied since the last look."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        found = self._store.run(lambda connection: Watch.load(connection, self._arrival))
        if found != self._watch:
            self._watch = found
            if self._session is not None:
                self._session.listen(found.filters, found.stale)

    def _listening(self) -> bool:
        if self._session is not None:
            if self._session.reason:
                # Another may have taken the session over; who has it is clear a moment later.
                _log.info("sensors' session ended", reason=self._session.reason)
                self._leave()
            return self._session is not None
        session = CentralSession(self._broker, self._client_id)
        if problem := session.open():
            _log.warning("sensors' session not open", broker=str(self._broker), reason=problem)
            session.close()
            return False
        session.listen(self._watch.filters, self._watch.stale)
        self._session = session
        self._say(online=True)
        _log.info("listens to sensors", topics=len(self._watch.filters))
        return True

    def _leave(self) -> None:
        if self._session is None:
            return
        self._session.close()
        self._session = None
        self._online.clear()
        if not self._members.mine(_ALL):
            return  # whoever has them now says so itself
        self._say(online=False)

    def _say(self, *, online: bool) -> None:
        self._store.run(lambda connection: connection.execute(_SQL["note_broker"], {"online": online}) and None)


def _note(connection: psycopg.Connection, presence: dict[str, object]) -> None:
    connection.execute(_SQL["note_presence"], presence)
