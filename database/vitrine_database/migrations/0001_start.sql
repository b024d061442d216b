-- The schema of Vitrine 0.1: catalogue, measurements, evidence of delivery, datasets, accounts.
-- Words: design, section 4. Times are timestamptz (UTC); texts in both languages are jsonb {"fr": …, "en": …}.

CREATE TABLE installation (
    installation_id   int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug              text NOT NULL UNIQUE,          -- = Sparkplug group id
    kind              text CHECK (kind IN ('test_bench', 'showcase')),
    domain            text CHECK (domain IN ('water', 'residual_materials', 'energy_efficiency', 'renewable_energy')),
    name              jsonb NOT NULL,
    description       jsonb NOT NULL DEFAULT '{"fr": "", "en": ""}',
    organisation      text NOT NULL DEFAULT '',      -- slug
    organisation_name text NOT NULL DEFAULT '',
    municipality      text NOT NULL DEFAULT '',
    latitude          float8,
    longitude         float8,
    licence           text NOT NULL DEFAULT 'CC-BY-4.0',
    simulated         boolean NOT NULL DEFAULT false,
    public            boolean NOT NULL DEFAULT true,
    file_source       text,                          -- text of the installation file last applied
    file_sha256       text,
    applied_at        timestamptz,                   -- NULL: known by its gateway's birth only
    created_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway (
    gateway_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id   int NOT NULL REFERENCES installation,
    node              text NOT NULL,                 -- = Sparkplug edge node id
    online            boolean NOT NULL DEFAULT false,
    bd_seq            int,                           -- of the birth in force
    epoch             uuid,                          -- of the queue, from the birth; NULL: a foreign edge node
    born_at           timestamptz,
    died_at           timestamptz,
    seen_at           timestamptz,                   -- last message of any kind
    software          text,
    file_sha256       text,                          -- configuration in force
    queue_depth       bigint,
    queue_bytes       bigint,
    oldest_unsent_s   float8,
    clock_source      text,
    clock_offset_ms   float8,
    devices_failing   jsonb NOT NULL DEFAULT '{}',   -- device key → reason
    UNIQUE (installation_id, node)
);

CREATE TABLE device (
    device_id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id        int NOT NULL REFERENCES gateway,
    key               text NOT NULL,
    profile           text NOT NULL DEFAULT '',
    online            boolean NOT NULL DEFAULT false,
    changed_at        timestamptz,                   -- of `online`
    UNIQUE (gateway_id, key)
);

CREATE TABLE channel (
    channel_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id   int NOT NULL REFERENCES installation,
    device_id         int NOT NULL REFERENCES device,
    key               text NOT NULL,                 -- = Sparkplug metric name
    path              text NOT NULL,                 -- 'device/channel', unique within the installation
    name              jsonb NOT NULL,
    unit              text NOT NULL DEFAULT '1',     -- UCUM
    quantity          text NOT NULL DEFAULT '',
    decimals          smallint NOT NULL DEFAULT 2,
    period_s          float8,                        -- seconds between two expected values
    accuracy          text NOT NULL DEFAULT '',
    calibration       jsonb,                         -- {date, due, certificate}
    rules             jsonb NOT NULL DEFAULT '{}',   -- of the quality tests, see vitrine.installation.QualityRules
    created_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, key),
    UNIQUE (installation_id, path)
);

-- What changed in a channel's birth (unit, rules, accuracy …), so that no change mixes silently.
CREATE TABLE channel_change (
    channel_id        int NOT NULL REFERENCES channel,
    time              timestamptz NOT NULL,
    field             text NOT NULL,
    before            jsonb,
    after             jsonb,
    file_sha256       text
);
CREATE INDEX channel_change_channel ON channel_change (channel_id, time);

CREATE TABLE measurement (
    time              timestamptz NOT NULL,
    channel_id        int NOT NULL,
    value             float8,                        -- raw, never updated
    quality           smallint NOT NULL,             -- QARTOD: 1 2 3 4 9
    tests             smallint NOT NULL DEFAULT 0,   -- a bit per test that did not pass
    CHECK (quality IN (1, 2, 3, 4, 9)),
    CHECK ((value IS NULL) = (quality = 9))
);

-- Last value of each channel, kept by the collector so that live pages need no search.
CREATE TABLE latest (
    channel_id        int PRIMARY KEY REFERENCES channel,
    time              timestamptz NOT NULL,
    value             float8,
    quality           smallint NOT NULL,
    tests             smallint NOT NULL DEFAULT 0,
    received_at       timestamptz NOT NULL
);

CREATE TABLE quality_change (
    time              timestamptz NOT NULL,
    channel_id        int NOT NULL,
    quality_before    smallint NOT NULL,
    quality_after     smallint NOT NULL,
    tests_before      smallint NOT NULL,
    tests_after       smallint NOT NULL,
    reason            text NOT NULL,
    changed_by        text NOT NULL,
    changed_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX quality_change_channel ON quality_change (channel_id, time);

-- Which records of a gateway's queue are held, and which it reported lost.
CREATE TABLE delivery (
    gateway_id        int NOT NULL REFERENCES gateway,
    epoch             uuid NOT NULL,
    held              int8multirange NOT NULL DEFAULT '{}',
    lost              int8multirange NOT NULL DEFAULT '{}',
    repeated          bigint NOT NULL DEFAULT 0,     -- records that came again and were not written again
    first_at          timestamptz NOT NULL DEFAULT now(),
    last_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway_id, epoch)
);

CREATE TABLE loss (
    loss_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id        int NOT NULL REFERENCES gateway,
    epoch             uuid NOT NULL,
    records           int8multirange NOT NULL,
    first_time        timestamptz NOT NULL,
    last_time         timestamptz NOT NULL,
    reason            text NOT NULL,
    reported_at       timestamptz NOT NULL DEFAULT now()
);

-- Where the time of each record came from.
CREATE TABLE time_source (
    gateway_id        int NOT NULL REFERENCES gateway,
    epoch             uuid NOT NULL,
    source            text NOT NULL CHECK (source IN ('ntp', 'rtc', 'restamped', 'uncertain')),
    records           int8multirange NOT NULL,
    PRIMARY KEY (gateway_id, epoch, source)
);

CREATE TABLE rejected (
    rejected_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at       timestamptz NOT NULL DEFAULT now(),
    topic             text NOT NULL,
    payload           bytea NOT NULL,
    code              text NOT NULL,
    reason            text NOT NULL
);

CREATE TABLE indicator (
    indicator_id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id   int NOT NULL REFERENCES installation,
    key               text NOT NULL,
    version           int NOT NULL,
    position          int NOT NULL DEFAULT 0,        -- order in the file
    current           boolean NOT NULL DEFAULT true, -- declared by the file last applied
    name              jsonb NOT NULL,
    description       jsonb NOT NULL,
    formula           text NOT NULL,
    unit              text NOT NULL,
    decimals          smallint NOT NULL DEFAULT 2,
    inputs            jsonb NOT NULL,                -- name → 'device/channel'
    parameters        jsonb NOT NULL,                -- name → [value, unit]
    reference         text NOT NULL DEFAULT '',
    UNIQUE (installation_id, key, version)
);

CREATE TABLE indicator_value (
    indicator_id      int NOT NULL REFERENCES indicator,
    period            text NOT NULL CHECK (period IN ('hour', 'day')),
    bucket            timestamptz NOT NULL,          -- start, UTC hours and days
    value             float8,                        -- NULL: coverage too low, or not defined
    coverage          float8 NOT NULL,               -- share of minutes with usable values, of the poorest input
    computed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (indicator_id, period, bucket)
);

-- Hours in which measurements arrived and whose indicators are to be computed again.
CREATE TABLE stale_hour (
    installation_id   int NOT NULL REFERENCES installation,
    bucket            timestamptz NOT NULL,
    PRIMARY KEY (installation_id, bucket)
);

CREATE TABLE account (
    account_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login             text NOT NULL UNIQUE,
    password_hash     text NOT NULL,
    role              text NOT NULL CHECK (role IN ('operator', 'evaluator', 'company')),
    organisation      text NOT NULL DEFAULT '',
    created_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE dataset (
    dataset_id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id   int NOT NULL REFERENCES installation,
    slug              text NOT NULL UNIQUE,          -- vitrine_<installation>_<name>
    title             jsonb NOT NULL,
    first_time        timestamptz NOT NULL,          -- inclusive
    last_time         timestamptz NOT NULL,          -- exclusive
    state             text NOT NULL DEFAULT 'provisional'
                      CHECK (state IN ('provisional', 'under_review', 'frozen', 'validated', 'verified', 'superseded', 'withdrawn')),
    version           text NOT NULL DEFAULT '1.0.0',
    build             text NOT NULL DEFAULT 'queued' CHECK (build IN ('queued', 'running', 'done', 'failed')),
    progress          float8 NOT NULL DEFAULT 0,     -- 0 to 1
    stage             text NOT NULL DEFAULT '',      -- key of a message
    error             text NOT NULL DEFAULT '',
    file_name         text,
    file_bytes        bigint,
    file_sha256       text,
    rows              bigint,
    summary           jsonb,                         -- what the package states: channels, quality counts, indicators
    created_by        text NOT NULL DEFAULT '',
    created_at        timestamptz NOT NULL DEFAULT now(),
    built_at          timestamptz
);
CREATE INDEX dataset_installation ON dataset (installation_id, created_at);
