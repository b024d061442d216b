"""One connection to a broker: a fresh client, its will, its subscriptions, what leaves and what arrives."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho

from vitrine.installation import Uplink
from vitrine_gateway.uplink.client import TIMEOUT, connect, leave, make_client, subscribe
from vitrine_gateway.uplink.credentials import tls_reason
from vitrine_gateway.uplink.link import Link

_FAREWELL, _STEP = 2.0, 0.01
#: Messages handed to the client whose bytes have not left yet: beyond these, the backlog waits, and live records too.
_BUSY, _STUCK = 500, 3000


class SessionLost(Exception):  # noqa: N818  # it says what happened
    """The broker is not there, or no longer."""


class Session:
    """Everything happens in the event loop, but for the opening of the connection, which may block."""

    def __init__(
        self,
        uplink: Uplink,
        server: tuple[str, int],
        client_id: str,
        on_message: Callable[[str, bytes], None],
        on_confirmed: Callable[[int], None] | None = None,
    ) -> None:
        self._uplink, self._server = uplink, server
        self._on_message, self._on_confirmed = on_message, on_confirmed
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        #: Done when the connection has ended, with the reason.
        self.ended: asyncio.Future[str] = self._loop.create_future()
        #: Whether the broker said that a newer connection of the same client took this one's place (MQTT 5).
        self.taken_over = False
        self._granted: asyncio.Future[list[Any]] = self._loop.create_future()
        self._asked_of_broker: dict[int, int] = {}
        self._leaving: deque[paho.MQTTMessageInfo] = deque()
        self._link: Link | None = None
        self._complaint = ""
        self._client = self._listen(make_client(uplink, client_id))

    @property
    def busy(self) -> bool:
        """Tell whether the link is slower than what was handed to it: the backlog should wait."""
        return self._waiting() > _BUSY

    @property
    def stuck(self) -> bool:
        """Tell whether so much waits to leave that live records should rather wait in the queue."""
        return self._waiting() > _STUCK

    async def open(self, will_topic: str, will: bytes, topics: list[str]) -> list[str]:
        """Connect and subscribe; return the topics that the broker refuses.

        SessionLost where that is not possible, OSError where nothing was sent.
        """
        self._client.will_set(will_topic, will, qos=1, retain=False)
        try:
            await asyncio.to_thread(connect, self._client, self._uplink, self._server)
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise ConnectionError(tls_reason(error)) from error
        self._link = Link(self._client)
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._ready
                subscribe(self._client, self._uplink, topics)
                codes = await self._granted
        except TimeoutError as error:
            raise SessionLost("the broker does not answer") from error
        return [topic for topic, code in zip(topics, codes, strict=False) if code.is_failure]

    def tend(self) -> None:
        """Keep the connection alive, at least every second; SessionLost where it has ended."""
        if self._link:
            self._link.tend()
        self.check()

    def check(self) -> None:
        """Raise SessionLost where the connection has ended, also where the client did not say so."""
        if not self.ended.done() and not self._client.is_connected():
            self._finish("the connection to the broker is lost")
        if self.ended.done():
            raise SessionLost(self.ended.result())

    def publish(self, topic: str, payload: bytes, qos: int = 0, number: int = 0) -> paho.MQTTMessageInfo:
        """Hand a message to the client; SessionLost where it does not take it.

        With QoS 1 and a record's `number`, `on_confirmed(number)` follows when the broker has confirmed it.
        """
        self.check()
        info = self._client.publish(topic, payload, qos=qos, retain=False)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise SessionLost(paho.error_string(info.rc))
        self._leaving.append(info)
        if number and qos:
            self._asked_of_broker[info.mid] = number
        return info

    async def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """End the connection, after a last message that is known to have left."""
        try:
            if farewell and not self.ended.done():
                await self._confirmed(self.publish(*farewell, qos=1))
        finally:
            leave(self._client, self._uplink)
            if self._link:
                await self._link.close()
            for future in (self._ready, self.ended, self._granted):
                if not future.done():
                    future.cancel()

    async def _confirmed(self, info: paho.MQTTMessageInfo) -> None:
        until = self._loop.time() + _FAREWELL
        try:
            while not info.is_published() and not self.ended.done() and self._loop.time() < until:
                await asyncio.sleep(_STEP)
        except (RuntimeError, ValueError) as error:
            raise SessionLost(str(error)) from error

    def _waiting(self) -> int:
        """Count the messages that were handed to the client and have not left, or are not confirmed at QoS 1."""
        while self._leaving and self._leaving[0].is_published():
            self._leaving.popleft()
        return len(self._leaving)

    # --- called by the client, while it connects from another thread --------------------------------------------------

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._soon(self._finish, f"the broker refuses: {reason}")
        else:
            self._soon(self._accept)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        self.taken_over = reason.getName() == "Session taken over"
        why = self._complaint or str(reason)
        self._soon(self._finish, f"the connection to the broker is lost: {why}")

    def _arrived(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        self._soon(self._on_message, message.topic, bytes(message.payload))

    def _published(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        self._soon(self._confirm, mid, reason)

    def _logged(self, _client: Any, _data: Any, level: int, text: str) -> None:  # noqa: ANN401
        if level == paho.MQTT_LOG_ERR and " on socket: " in text:
            self._complaint = tls_reason(text.split(" on socket: ", 1)[1])

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    # --- in the event loop -------------------------------------------------------------------------------------------

    def _listen(self, client: paho.Client) -> paho.Client:
        client.on_connect = self._connected
        client.on_connect_fail = lambda *_: self._soon(self._finish, "the broker cannot be reached")
        client.on_disconnect = self._disconnected
        client.on_subscribe = lambda _client, _data, _mid, codes, _properties: self._soon(self._grant, codes)
        client.on_message = self._arrived
        if self._on_confirmed:
            client.on_publish = self._published
        client.on_log = self._logged
        return client

    def _grant(self, codes: list[Any]) -> None:
        if not self._granted.done():
            self._granted.set_result(codes)

    def _confirm(self, mid: int, reason: Any) -> None:  # noqa: ANN401
        number = self._asked_of_broker.pop(mid, None)
        if number is not None and self._on_confirmed and not reason.is_failure:
            self._on_confirmed(number)

    def _accept(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _finish(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(SessionLost(reason))
        elif not self._granted.done():
            self._granted.set_exception(SessionLost(reason))
        if not self.ended.done():
            self.ended.set_result(reason)
