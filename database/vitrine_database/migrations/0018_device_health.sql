-- What a gateway says of each of its devices, as it said it last: device key → success (0 to 1, of the requests since the
-- report before), latency_ms, breaker, missed_slots; what it does not know is left out.
ALTER TABLE gateway ADD COLUMN devices_health jsonb NOT NULL DEFAULT '{}';
