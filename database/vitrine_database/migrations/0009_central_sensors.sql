-- Sensors that publish to the platform's own broker, as an installation file declares them; collectors read them by this.
-- Their device belongs to a gateway of the name '+broker', which no edge node can have.

CREATE TABLE central_sensor (
    device_id         int PRIMARY KEY REFERENCES device,
    sensor            jsonb NOT NULL,                -- see vitrine.mqtt.central.CentralSensor
    current           boolean NOT NULL DEFAULT true  -- declared by the file last applied
);
