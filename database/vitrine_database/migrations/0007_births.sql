-- Births as they came: what the aliases of a message stood for when it was sent can be told after any restart.

CREATE TABLE birth (
    gateway_id        int NOT NULL REFERENCES gateway,
    device            text NOT NULL,                 -- '' for the node's own birth
    received_at       timestamptz NOT NULL,
    payload           bytea NOT NULL,
    PRIMARY KEY (gateway_id, device, received_at)
);
