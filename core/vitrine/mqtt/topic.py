"""Topic templates with names that a site fills: ``tele/{sensor}/SENSOR``."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: Name that stands for the main topic of a device in its other topics.
MAIN = "topic"
#: What a site writes where any one level will do.
ANY = "+"


def names_of(template: str) -> tuple[str, ...]:
    """Return the names of a template, in their order."""
    return tuple(_NAME.findall(template))


def fill(template: str, names: Mapping[str, str]) -> str:
    """Put the names of a site in; KeyError where one is missing."""
    return _NAME.sub(lambda match: names[match[1]], template)


def matched(template: str, topic: str) -> dict[str, str] | None:
    """Return the names that make a template a topic; None where none do."""
    pattern = "".join(
        f"(?P<{part}>[^/]+)" if position % 2 else re.escape(part) for position, part in enumerate(_NAME.split(template))
    )
    found = re.fullmatch(pattern, topic)
    return found.groupdict() if found else None


def mistake(topic: str) -> str:
    """Say what is wrong with a topic or template to subscribe to; '' where nothing is."""
    plain = _NAME.sub("x", topic)
    if not topic:
        return "a topic is empty"
    if "{" in plain or "}" in plain:
        return f"“{topic}” has a brace that belongs to no name"
    if len(set(names_of(topic))) != len(names_of(topic)):
        return f"“{topic}” has one name twice"
    levels = plain.split("/")
    if any("+" in level and level != "+" for level in levels):
        return f"in “{topic}” a + does not stand alone in its level"
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return f"in “{topic}” the # is not the last level"
    return ""


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a topic falls under a subscription (MQTT 3.1.1, section 4.7)."""
    wanted, levels = pattern.split("/"), topic.split("/")
    if topic.startswith("$") != pattern.startswith("$"):
        return False
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(levels) or level not in (ANY, levels[position]):
            return False
    return len(wanted) == len(levels)
