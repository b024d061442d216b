-- Rollups are stored now; the index that found buckets of the old views is of no more use.

DROP INDEX IF EXISTS measurement_buckets;
