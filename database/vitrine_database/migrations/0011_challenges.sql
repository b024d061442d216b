-- How well the quality tests of an installation find labelled faults, as “vitrine challenge” measured it.

CREATE TABLE challenge (
    installation_id   int NOT NULL REFERENCES installation,
    file_sha256       text NOT NULL,                 -- the configuration that was challenged
    seed              bigint NOT NULL,
    made_at           timestamptz NOT NULL DEFAULT now(),
    result            jsonb NOT NULL,                -- vitrine_demo.challenge.result says what is in it
    PRIMARY KEY (installation_id, file_sha256, seed)
);
