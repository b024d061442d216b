-- What readers of the data must know besides the values: what came late, and what was changed, when.

-- Values that were written long after their time, or whose time was set afterwards, by channel and hour of that time.
CREATE TABLE late_hour (
    channel_id        int NOT NULL REFERENCES channel,
    bucket            timestamptz NOT NULL,          -- start of the hour, UTC
    late              bigint NOT NULL,
    restamped         bigint NOT NULL,
    PRIMARY KEY (channel_id, bucket)
);

-- Another configuration, instrument, software or queue than before; changes of channels are in channel_change.
CREATE TABLE event (
    event_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id        int NOT NULL REFERENCES gateway,
    device            text NOT NULL DEFAULT '',      -- key; '' for the gateway itself
    time              timestamptz NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('configuration', 'software', 'queue', 'instrument')),
    before            jsonb,
    after             jsonb
);
CREATE INDEX event_gateway ON event (gateway_id, time);

-- What a device says of itself in its birth: maker, model, serial number.
ALTER TABLE device ADD COLUMN identity jsonb NOT NULL DEFAULT '{}';
