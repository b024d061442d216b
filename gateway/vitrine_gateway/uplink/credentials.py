"""Password and certificates of the uplink, and what a failed handshake means."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import paho.mqtt.client as paho

from vitrine.errors import ConfigurationError
from vitrine.installation import Uplink

#: What OpenSSL says → what to look at.
_MEANINGS = {
    "unable to get local issuer certificate": "its authority is not the one that ca names",
    "self-signed certificate": "its authority is not the one that ca names",
    "self signed certificate": "its authority is not the one that ca names",
    "certificate has expired": "its certificate has expired, or this machine's clock is wrong",
    "certificate is not yet valid": "its certificate is not yet valid, or this machine's clock is wrong",
    "mismatch": "its certificate is for another name than host",
    "CERTIFICATE_REQUIRED": "it wants a client certificate: name certificate and key",
    "CERTIFICATE_EXPIRED": "this gateway's certificate has expired",
    "UNKNOWN_CA": "it does not know the authority of this gateway's certificate",
    "BAD_CERTIFICATE": "it does not accept this gateway's certificate",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS",
}


class _Socket(ssl.SSLSocket):
    """Closes itself where the handshake fails: the MQTT client would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def secure(client: paho.Client, uplink: Uplink) -> None:
    """Set password and certificates; ConfigurationError where a file cannot be read."""
    try:
        if uplink.username:
            password = Path(uplink.password_file).read_text(encoding="utf-8").strip() if uplink.password_file else None
            client.username_pw_set(uplink.username, password)
        if uplink.tls:
            context = ssl.create_default_context(cafile=uplink.ca or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.sslsocket_class = _Socket
            if uplink.certificate:
                context.load_cert_chain(uplink.certificate, uplink.key or None)
            client.tls_set_context(context)
    except (OSError, ssl.SSLError) as error:
        named = [path for path in (uplink.ca, uplink.certificate, uplink.key, uplink.password_file) if path]
        raise ConfigurationError(
            f"the credentials for the broker cannot be read ({', '.join(named)}): {error}",
            hint="See ca, certificate, key and password_file under [gateway] uplink.",
        ) from error


def tls_reason(error: Exception | str) -> str:
    """Say in words why the broker was not trusted, or did not trust this gateway."""
    text = str(error)
    meaning = next((words for mark, words in _MEANINGS.items() if mark.lower() in text.lower()), "")
    short = re.sub(r"\[SSL: [A-Z0-9_]+\] | \(_ssl\.c:\d+\)|\[Errno -?\d+\] ", "", text)
    return f"the broker and this gateway do not trust each other: {meaning} ({short})" if meaning else short
