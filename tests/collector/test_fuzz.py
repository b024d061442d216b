"""Random and mutated messages, many of them: no crash, no growth, everything accounted for."""

import os
import random
import tracemalloc
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from vitrine.sparkplug.topics import NAMESPACE
from vitrine_collector import evidence, rebirths, rejections

from .fake_gateway import T0, Messages
from .test_intake import Bench, bench

__all__ = ["bench"]
ROUNDS = int(os.environ.get("VITRINE_TEST_FUZZ_ROUNDS", "4000"))
WORDS = ("NBIRTH", "NDEATH", "DBIRTH", "DDEATH", "NDATA", "DDATA", "NCMD", "DCMD", "STATE", "ndata", "", "é", "DDATA2")


def mutated(chance: random.Random, payload: bytes) -> bytes:
    """Return a payload with bits flipped, cut, doubled, or with foreign bytes in it."""
    content = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(5):
            case 0 if at < len(content):
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                del content[at:]
            case 2:
                content[at:at] = chance.randbytes(chance.randint(1, 9))
            case 3:
                content[at:at] = content[: chance.randint(0, 60)]
            case _:
                content[at : at + chance.randint(1, 9)] = b"\xff" * chance.randint(0, 9)
    return bytes(content)


def topic(chance: random.Random) -> str:
    """Return a topic that is sometimes one of Sparkplug."""
    if chance.random() < 0.2:
        return "".join(chance.choice("spBv1.0/+#$ é\x00\U0010ffff") for _ in range(chance.randint(0, 40)))
    parts = [NAMESPACE, chance.choice(("g", "pilote", "")), chance.choice(WORDS), f"node-{chance.randrange(10**9)}"]
    return "/".join([*parts, *(["meter"] if chance.random() < 0.5 else [])])


def said(chance: random.Random, sender: Messages) -> tuple[str, bytes]:
    """Return a message as a gateway might send it, at a time when it might not."""
    number = chance.randrange(1, 1000)
    match chance.randrange(6):
        case 0:
            return sender.nbirth()
        case 1:
            return sender.dbirth()
        case 2:
            return sender.ddata({"flow": float(number)}, time_ms=T0 + number)
        case 3:
            return sender.ddata({"flow": None}, time_ms=chance.choice((0, 2**62, 2**63 - 1, T0)))
        case 4:
            return sender.ddeath()
        case _:
            return sender.ndeath()


def hostile(chance: random.Random, sender: Messages) -> Iterator[tuple[str, bytes]]:
    """Yield messages without end: of a node that exists, of nodes that do not, and of nobody."""
    while True:
        sent = said(chance, sender)
        match chance.randrange(4):
            case 0:
                yield topic(chance), chance.randbytes(chance.randint(0, 300))
            case 1:
                yield topic(chance), mutated(chance, sent[1])
            case 2:
                yield sent[0], mutated(chance, sent[1])
            case _:
                yield sent


def test_a_flood_of_nonsense(bench: Bench, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "REJECTED_MOST", 200)
    monkeypatch.setattr(rebirths, "_MOST", 100)
    chance = random.Random(20261125)
    # The hostile node may say anything of itself; an honest one beside it must not notice
    honest, flood = Messages(node="honest", epoch=uuid.uuid4()), hostile(chance, Messages(node="hostile"))
    bench.give(honest.nbirth(), honest.dbirth())
    memory = []
    tracemalloc.start()
    try:
        for step in range(ROUNDS // 100):
            bench.give(*(next(flood) for _ in range(99)), honest.ddata({"flow": float(step)}, time_ms=T0 + step))
            bench.intake.tick()
            memory.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert bench.intake.counts["received"] == bench.accounted() == 2 + 100 * (ROUNDS // 100)
    assert not bench.all("SELECT topic, reason FROM rejected WHERE code = 'internal'")
    kept, gone = rejections.count(database), rejections.dropped(database)
    assert kept <= 200
    assert kept + gone == bench.intake.counts["refused"]
    assert len(bench.intake.rebirths) <= 100
    # What the first half made it remember is all that it remembers
    half = len(memory) // 2
    assert max(memory[half:]) < max(memory[:half]) + 3_000_000
    stored = bench.all(
        "SELECT value FROM measurement JOIN channel USING (channel_id) JOIN device USING (device_id)"
        " JOIN gateway USING (gateway_id) WHERE node = 'honest' AND path LIKE '%flow' ORDER BY time"
    )
    assert stored == [(float(step),) for step in range(ROUNDS // 100)]
    assert bench.all(
        "SELECT held::text FROM delivery JOIN gateway USING (gateway_id, epoch) WHERE node = 'honest'"
    ) == [(f"{{[1,{ROUNDS // 100 + 1})}}",)]
