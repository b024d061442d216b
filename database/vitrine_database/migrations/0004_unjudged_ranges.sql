-- Tests that look at a value's neighbours wait until the values are written: only then is it known who the neighbours are,
-- whichever collector wrote them and in whatever order they came.

CREATE TABLE unjudged_range (
    unjudged_range_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id        int NOT NULL,
    first_time        timestamptz NOT NULL,          -- inclusive
    last_time         timestamptz NOT NULL           -- inclusive
);
CREATE INDEX unjudged_range_channel ON unjudged_range (channel_id);
