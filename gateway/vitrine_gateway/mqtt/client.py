"""Making paho clients: session, credentials, encryption; the same for MQTT 3.1.1 and 5."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from vitrine.errors import ConfigurationError
from vitrine.installation import Connection

#: Seconds for which a broker keeps messages for a gateway that is away (MQTT 5): seven days.
SESSION_S = 7 * 86_400


def make_client(
    connection: Connection, client_id: str, version: MQTTProtocolVersion, *, persistent: bool
) -> paho.Client:
    """Return a client that is not yet connected; ConfigurationError where a file of it cannot be read."""
    clean = None if version == paho.MQTTv5 else not persistent
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=version,
        clean_session=clean,
        manual_ack=persistent,
    )
    client.reconnect_delay_set(min_delay=1, max_delay=5)
    try:
        if connection.username:
            password = Path(connection.password_file).read_text(encoding="utf-8").strip()
            client.username_pw_set(connection.username, password)
        if connection.tls:
            context = ssl.create_default_context(cafile=connection.ca or None)
            if connection.certificate:
                context.load_cert_chain(connection.certificate, connection.key or None)
            client.tls_set_context(context)
    except OSError as error:
        raise ConfigurationError(
            f"the connection to {connection.host} needs a file that cannot be read: {error}",
            hint="Look at password_file, ca, certificate and key, and at who may read them.",
        ) from error
    return client


def session_properties(version: MQTTProtocolVersion, *, persistent: bool) -> dict[str, Any]:
    """Return what a connect of MQTT 5 adds."""
    if version != paho.MQTTv5:
        return {}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has none
    properties.SessionExpiryInterval = SESSION_S if persistent else 0
    return {"clean_start": not persistent, "properties": properties}


def subscription(filters: list[str], version: MQTTProtocolVersion, identifier: int) -> dict[str, Any]:
    """Return the arguments of a subscription to topics, at least once."""
    if version != paho.MQTTv5:
        return {"topic": [(topic, 1) for topic in filters]}
    properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]  # paho has none
    properties.SubscriptionIdentifier = identifier
    return {"topic": [(topic, SubscribeOptions(qos=1)) for topic in filters], "properties": properties}
