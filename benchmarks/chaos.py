"""Half an hour of chaos: gateways, collectors, broker and database killed, cables pulled out, at random by a seed.

No figure of speed: what it prints is what was lost, doubled or told wrongly of numbered samples, which must be nothing.
`VITRINE_CHAOS_SECONDS`, `VITRINE_CHAOS_SEED` and `VITRINE_CHAOS_GATEWAYS` change it.
"""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.acceptance.account import Account, settled
from tests.acceptance.chaos import chaos

from benchmarks.report import Result

SECONDS = float(os.environ.get("VITRINE_CHAOS_SECONDS", "1800"))
SEED = int(os.environ.get("VITRINE_CHAOS_SEED", "1"))
GATEWAYS = int(os.environ.get("VITRINE_CHAOS_GATEWAYS", "4"))


def run() -> list[Result]:
    """Let it rage, wait until the queues are empty, and count."""
    # Not deeper: a Unix socket's path is short
    with (
        tempfile.TemporaryDirectory(prefix="vitrine-", ignore_cleanup_errors=True) as name,
        chaos(Path(name), SEED, gateways=GATEWAYS) as platform,
    ):
        platform.rage(SECONDS, lambda said: print(f"  {said}", file=sys.stderr, flush=True))
        platform.silence()
        found = settled(platform, 600)
        faults = Counter(f"{fault.name.split('-')[0]} {fault.how}" for fault in platform.faults)
    for wrong in (*found.lost, *found.doubled, *found.invented, *found.contradicted):
        print(f"  WRONG: {wrong}", file=sys.stderr)
    return [*_account(found), *(Result(f"chaos, {what}", count, "times") for what, count in sorted(faults.items()))]


def _account(found: Account) -> list[Result]:
    figures = {
        "numbers given by instruments": found.given,
        "numbers in the database": found.stored,
        "lost": len(found.lost),
        "doubled or out of order": len(found.doubled),
        "never given": len(found.invented),
        "evidence that contradicts what happened": len(found.contradicted),
        "between instrument and disk at a kill": found.in_flight,
        "noted as unread by the gateway": found.unread,
        "records acknowledged": found.records,
        "records sent more than once": found.repeated,
        "silences told, all true": found.silences,
    }
    named = f"chaos of {SECONDS:g} s, seed {SEED}, {GATEWAYS} gateways"
    return [Result(f"{named}, {what}", count, "") for what, count in figures.items()]
