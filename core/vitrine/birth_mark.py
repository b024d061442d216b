"""What ties a record to the births by which it is written: the alias of its number, made of what they declare.

A host that was away for a while cannot know whether a node was born again meanwhile, and what an alias stands for now.
A gateway of ours therefore gives the metric `Uplink/Record` of each device an alias that follows from the queue's
epoch and from all that the births of node and device declare. Who has kept births of this alias reads such a record by
them with certainty; births that declare anything else have another one. For other hosts it is an alias like any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from uuid import UUID

from vitrine import uplink
from vitrine.sparkplug import DataType, Metric, PropertyValue

#: Marks have this bit, and 34 others: no counter of aliases gets so far, and five bytes hold them on the wire.
_FIRST = 1 << 34
#: Properties that belong to the value, not to what is declared.
_OF_VALUES = frozenset({uplink.QUALITY, uplink.TESTS})


def birth_mark(epoch: UUID, node: Iterable[Metric], device: str, metrics: Iterable[Metric]) -> int:
    """Return the mark of the births of a node (its metrics) and of one of its devices, 2**34 to 2**35 - 1."""
    said = [str(epoch), _declared(node), device, _declared(metrics)]
    digest = hashlib.blake2b(json.dumps(said).encode(), digest_size=8).digest()
    return _FIRST | int.from_bytes(digest, "big") % _FIRST


def _declared(metrics: Iterable[Metric]) -> list[object]:
    """Return names, aliases, types and properties; the number itself has no say in its own alias."""
    return [
        (
            metric.name,
            None if metric.name == uplink.RECORD else metric.alias,
            int(metric.datatype or 0),
            sorted((key, _written(value)) for key, value in metric.properties.items() if key not in _OF_VALUES),
        )
        for metric in metrics
    ]


def _written(value: PropertyValue) -> str:
    """Write a property as it is after its way over the wire, where a whole number may stand for a double."""
    held = value.value
    if value.type is DataType.DOUBLE and isinstance(held, int):
        held = float(held)
    return f"{int(value.type)} {held!r}"
