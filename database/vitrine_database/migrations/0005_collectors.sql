-- Collectors that are at work: each node of the broker is the business of one of them.

CREATE TABLE collector (
    collector_id      uuid PRIMARY KEY,
    host              text NOT NULL,                 -- name of the machine
    started_at        timestamptz NOT NULL DEFAULT now(),
    seen_at           timestamptz NOT NULL DEFAULT now()
);
