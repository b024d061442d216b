"""Pushing dashboards to a Grafana server: the same call twice leaves the same state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grafana_client import GrafanaApi, HeaderAuth
from grafana_client.client import GrafanaClientError, GrafanaException

from vitrine import __version__
from vitrine.errors import ConfigurationError

FOLDER_UID = "vitrine"


def push(url: str, token: str, dashboards: Mapping[str, dict[str, Any]]) -> list[str]:
    """Create or replace the folder and every dashboard; return their addresses on the server."""
    api = GrafanaApi.from_url(url, credential=HeaderAuth(name="Authorization", value=f"Bearer {token}"))
    try:
        _folder(api)
        return [url.rstrip("/") + _dashboard(api, document) for document in dashboards.values()]
    except GrafanaClientError as error:
        raise ConfigurationError(
            f"Grafana at {url} refuses: {error}", hint="Does the service account of the token have the role Editor?"
        ) from error
    except (GrafanaException, OSError) as error:
        raise ConfigurationError(
            f"Grafana cannot be reached at {url}: {error}", hint="Is VITRINE_GRAFANA_URL right, and the server up?"
        ) from error


def _folder(api: GrafanaApi) -> None:
    try:
        api.folder.get_folder(FOLDER_UID)
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        api.folder.create_folder("Vitrine", FOLDER_UID)


def _dashboard(api: GrafanaApi, document: dict[str, Any]) -> str:
    request = {"dashboard": document, "folderUid": FOLDER_UID, "overwrite": True, "message": f"vitrine {__version__}"}
    answer: dict[str, Any] = api.dashboard.update_dashboard(request)
    return str(answer.get("url", ""))
