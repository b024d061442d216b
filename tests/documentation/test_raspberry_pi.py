"""The page on the Raspberry Pi lists just what the gateway needs, and a wheel for all that is compiled."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "fr" / "raspberry-pi.md", ROOT / "docs" / "en" / "raspberry-pi.md"]
#: The machine of the page; `platform_machine` is the only marker that it changes.
MACHINES = ("armv7l", "aarch64")


def resolved() -> set[str]:
    """Return the packages that `vitrine[gateway]` needs, those of these packages too."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [("vitrine", ("gateway",))]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            if _needed(requirement, extras):
                waiting.append((canonicalize_name(requirement.name), tuple(sorted(requirement.extras))))
    return {name for name, _ in found} - {"vitrine"}


def _needed(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({"extra": extra, "platform_machine": machine})
        for extra in ("", *extras)
        for machine in MACHINES
    )


def compiled(name: str) -> bool:
    try:
        wheel = distribution(name).read_text("WHEEL") or ""
    except PackageNotFoundError:
        return True
    return "-none-any" not in wheel


def listed(page: Path) -> dict[str, list[str]]:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: [first, second] for name, first, second in rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_page_lists_just_what_is_needed(page: Path) -> None:
    assert set(listed(page)) == resolved()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_all_that_is_compiled_has_a_listed_wheel(page: Path) -> None:
    for name, cells in listed(page).items():
        if compiled(name):
            for machine, cell in zip(MACHINES, cells, strict=True):
                assert machine in cell or "py3-none-any" in cell, f"{name} has no wheel for {machine}"
