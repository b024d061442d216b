"""The queue on the gateway's disk: numbered records, kept until the database holds them.

A folder with segments (frames with a checksum, only ever appended to, with an index at the end of a finished one) and
`state.json` and `state-2.json` in turn (epoch, and which numbers are settled: acknowledged, or reported as lost).

- `append` writes at once, so a killed process loses nothing; the disk is told to keep it every `flush_s` seconds, so a
  power cut loses at most those.
- Numbers are never used twice. They are set aside in blocks beforehand; after a power cut the queue goes on with the
  next block, and the numbers in between are reported as lost.
- Every number from 1 to the last is on disk, settled, or told in a loss report: what a torn or damaged file took away
  is found when the queue is opened, or when the file is read.
- A queue that is too large for its limits or for the disk gives up its oldest records, thinned first, and says so.
"""

from vitrine_gateway.queue.frame import Frame, Kind
from vitrine_gateway.queue.log import Queue
from vitrine_gateway.queue.statistics import QueueStatistics

__all__ = ["Frame", "Kind", "Queue", "QueueStatistics"]
