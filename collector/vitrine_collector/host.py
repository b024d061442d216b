"""The Sparkplug 3.0 host application: its STATE, its sessions with the broker, what it says to nodes."""

from __future__ import annotations

import threading
import time

from vitrine import uplink
from vitrine.logs import logger
from vitrine.sparkplug import DataType, Message, Metric, Payload, Topic, encode
from vitrine.uplink import Ack
from vitrine_collector.inbox import Inbox, Incoming, SessionBegun
from vitrine_collector.packets import Heard
from vitrine_collector.rebirths import Node
from vitrine_collector.session import Broker, Session

_log = logger("collector")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 15.0


class Host:
    """Keeps a session with the broker, a new one after each loss, and puts what it hears into the inbox."""

    def __init__(self, broker: Broker, inbox: Inbox, *, host_id: str = uplink.HOST, patience_s: float = 10.0) -> None:
        self._broker, self._inbox, self._host_id, self._patience_s = broker, inbox, host_id, patience_s
        self._session: Session | None = None
        self._deaf = self._leaving = False
        self._ended = threading.Event()
        self._timestamp = 0
        #: Set while the host is online.
        self.online = threading.Event()
        #: Messages that were not taken because the inbox was full for too long.
        self.dropped = 0

    def run(self) -> None:
        """Be online until `leave`; returns then."""
        wait_s = _FIRST_WAIT_S
        while not self._leaving:
            # The intake must forget what it knows of the nodes before it hears the new session.
            if not self._inbox.put([SessionBegun()], 1.0):
                continue
            if self._one_session():
                wait_s = _FIRST_WAIT_S
            if not self._leaving:
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def stop_listening(self) -> None:
        """Take no further message; what was sent meanwhile, gateways send again."""
        self._deaf = True

    def leave(self) -> None:
        """End on purpose: say so, then disconnect."""
        self._leaving = True
        self._ended.set()

    def acknowledge(self, node: Node, ack: Ack) -> bool:
        """Tell a gateway which of its records are held; False where there is no session to say it in."""
        return self._command(node, uplink.ACK, DataType.STRING, ack.to_json())

    def ask_rebirth(self, node: Node) -> bool:
        """Ask a node for its births."""
        _log.info("rebirth asked", node="/".join(node))
        return self._command(node, uplink.REBIRTH, DataType.BOOLEAN, value=True)

    def _command(self, node: Node, name: str, datatype: DataType, value: str | bool) -> bool:
        session = self._session
        if session is None or not self.online.is_set():
            return False
        now = _now_ms()
        metric = Metric(name=name, timestamp=now, datatype=datatype, value=value)
        topic = Topic(node[0], Message.NCMD, node[1])
        return session.publish(str(topic), encode(Payload(timestamp=now, metrics=(metric,))))

    def _one_session(self) -> bool:
        """Live through one connection; True where it was online."""
        self._timestamp = max(_now_ms(), self._timestamp)
        self._ended.clear()
        if self._leaving:
            return False
        session = Session(self._broker, self._host_id, self._timestamp, self._hear, self._ended.set)
        problem = session.open()
        if problem:
            _log.warning("broker away", broker=str(self._broker), reason=problem)
            session.close()
            return False
        self._session = session
        self.online.set()
        _log.info("online", broker=str(self._broker), host=self._host_id)
        self._ended.wait()
        self.online.clear()
        self._session = None
        if session.connected:
            self._timestamp = max(_now_ms(), self._timestamp)
            session.say_offline(self._timestamp)
        session.close()
        _log.info("offline", reason="intended" if self._leaving else session.reason)
        return True

    def _hear(self, messages: list[Heard]) -> None:
        now_s, taken = time.time(), 0
        if not self._deaf and not self._ended.is_set():
            taken = self._inbox.put([Incoming(topic, payload, now_s) for topic, payload in messages], self._patience_s)
            if taken < len(messages):
                # Better be offline, so that gateways keep their records, than online and deaf.
                _log.warning("inbox full", messages=len(self._inbox))
                self._ended.set()
        self.dropped += len(messages) - taken


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
