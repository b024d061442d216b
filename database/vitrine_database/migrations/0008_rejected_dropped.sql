-- A flood of messages that nobody can use must not fill the disk: only the newest are kept, the others are counted.

CREATE TABLE rejected_dropped (
    code      text PRIMARY KEY,
    messages  bigint NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL
);
