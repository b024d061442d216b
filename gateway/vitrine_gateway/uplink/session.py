"""One connection to the broker: a fresh client, its will, its subscriptions, and what arrives."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from vitrine.errors import ConfigurationError
from vitrine.installation import Uplink

_KEEPALIVE = 15
_TIMEOUT = 10.0


class SessionLost(Exception):  # noqa: N818  # it says what happened
    """The broker is not there, or no longer."""


class Session:
    """Everything happens in the event loop; the client's own thread only moves bytes."""

    def __init__(self, uplink: Uplink, client_id: str, on_message: Callable[[str, bytes], None]) -> None:
        self._uplink, self._on_message = uplink, on_message
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        #: Done when the connection has ended, with the reason.
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._subscribed = asyncio.Event()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311, reconnect_on_failure=False
        )
        self._client.connect_timeout = _TIMEOUT
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: self._from_thread(self._finish, "the broker cannot be reached")
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = lambda *_: self._from_thread(self._subscribed.set)
        self._client.on_message = self._arrived
        secure(self._client, uplink)

    async def open(self, will_topic: str, will: bytes, topics: list[str]) -> None:
        """Connect and subscribe; SessionLost where that is not possible, OSError where nothing was sent."""
        self._client.will_set(will_topic, will, qos=1, retain=False)
        await asyncio.to_thread(self._client.connect, self._uplink.host, self._uplink.port, _KEEPALIVE)
        self._client.loop_start()
        try:
            async with asyncio.timeout(_TIMEOUT):
                await self._ready
                self._client.subscribe([(topic, 1) for topic in topics])
                await self._subscribed.wait()
        except TimeoutError as error:
            raise SessionLost("the broker does not answer") from error

    def check(self) -> None:
        """Raise SessionLost where the connection has ended, also where the client did not say so."""
        if not self.ended.done() and not self._client.is_connected():
            self._finish("the connection to the broker is lost")
        if self.ended.done():
            raise SessionLost(self.ended.result())

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> paho.MQTTMessageInfo:
        """Hand a message to the client; SessionLost where it does not take it."""
        self.check()
        info = self._client.publish(topic, payload, qos=qos, retain=False)
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise SessionLost(paho.error_string(info.rc))
        return info

    async def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """End the connection, after a last message that is known to have left."""
        if farewell and not self.ended.done():
            info = self.publish(*farewell, qos=1)
            await asyncio.to_thread(_wait, info)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        for future in (self._ready, self.ended):
            if not future.done():
                future.cancel()

    # --- called by the client's thread -------------------------------------------------------------------------------

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._from_thread(self._finish, f"the broker refuses: {reason}")
        else:
            self._from_thread(self._accept)

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:  # noqa: ANN401
        self._from_thread(self._finish, f"the connection to the broker is lost: {reason}")

    def _arrived(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        self._from_thread(self._on_message, message.topic, bytes(message.payload))

    def _from_thread(self, call: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _accept(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _finish(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(SessionLost(reason))
        if not self.ended.done():
            self.ended.set_result(reason)


def secure(client: paho.Client, uplink: Uplink) -> None:
    """Set password and certificates; ConfigurationError where a file cannot be read."""
    try:
        if uplink.username:
            password = Path(uplink.password_file).read_text(encoding="utf-8").strip() if uplink.password_file else None
            client.username_pw_set(uplink.username, password)
        if uplink.ca:
            context = ssl.create_default_context(cafile=uplink.ca)
            if uplink.certificate:
                context.load_cert_chain(uplink.certificate, uplink.key or None)
            client.tls_set_context(context)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"the credentials for the broker cannot be read: {error}",
            hint="See ca, certificate, key and password_file under [gateway] uplink.",
        ) from error


def _wait(info: paho.MQTTMessageInfo) -> None:
    try:
        info.wait_for_publish(timeout=2.0)
    except (RuntimeError, ValueError) as error:
        raise SessionLost(str(error)) from error
