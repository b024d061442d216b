"""The process drawing of an installation, where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vitrine_api.portal.site import Page
from vitrine_api.portal.views.values import Value


def drawing(page: Page, row: Mapping[str, Any], values: Sequence[Value]) -> None:
    """Return what the drawing shows."""
