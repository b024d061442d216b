"""One MQTT client for the uplink, in the version that the installation wants: connecting, subscribing, leaving."""

from __future__ import annotations

import socket
from typing import cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from vitrine.installation import Uplink
from vitrine_gateway.uplink.credentials import secure
from vitrine_gateway.vanished_peer import watch

#: Seconds that a connection may take to open.
TIMEOUT = 10.0
_WITH_WILL = 0x04


def make_client(uplink: Uplink, client_id: str) -> paho.Client:
    """Make a client for a clean session that does not reconnect by itself."""
    five = uplink.mqtt == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else True,
        protocol=paho.MQTTv5 if five else paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = TIMEOUT
    client.max_inflight_messages = uplink.window
    client.on_socket_open = lambda _client, _data, opened: watch(cast("socket.socket", opened), uplink.keepalive_s)
    secure(client, uplink)
    return client


def connect(client: paho.Client, uplink: Uplink, server: tuple[str, int]) -> None:
    """Open the connection and ask for the session; OSError where that is not possible. It may block."""
    host, port = server
    keepalive = max(1, int(uplink.keepalive_s))
    if uplink.mqtt != "5":
        client.connect(host, port, keepalive)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    properties.SessionExpiryInterval = 0
    client.connect(host, port, keepalive, clean_start=True, properties=properties)


def subscribe(client: paho.Client, uplink: Uplink, topics: list[str]) -> None:
    """Ask for topics at QoS 1."""
    if uplink.mqtt == "5":
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
    else:
        client.subscribe([(topic, 1) for topic in topics])


def leave(client: paho.Client, uplink: Uplink) -> None:
    """End the session; with MQTT 5 the broker sends the will all the same."""
    client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=_WITH_WILL) if uplink.mqtt == "5" else None)
