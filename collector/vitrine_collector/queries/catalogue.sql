-- apply_installation --
-- An installation's words, as its file says them.
INSERT INTO installation (slug, kind, domain, name, description, organisation, organisation_name, municipality, latitude,
                          longitude, licence, simulated, process, file_source, file_sha256, applied_at)
VALUES (%(slug)s, %(kind)s, %(domain)s, %(name)s, %(description)s, %(organisation)s, %(organisation_name)s,
        %(municipality)s, %(latitude)s, %(longitude)s, %(licence)s, %(simulated)s, %(process)s, %(source)s, %(sha256)s, now())
ON CONFLICT (slug) DO UPDATE
SET kind = excluded.kind, domain = excluded.domain, name = excluded.name, description = excluded.description,
    organisation = excluded.organisation, organisation_name = excluded.organisation_name,
    municipality = excluded.municipality, latitude = excluded.latitude, longitude = excluded.longitude,
    licence = excluded.licence, simulated = excluded.simulated, process = excluded.process,
    file_source = excluded.file_source, file_sha256 = excluded.file_sha256, applied_at = excluded.applied_at
RETURNING installation_id;

-- indicators --
-- All versions of an installation's indicators.
SELECT key, version, current, formula, unit, inputs, parameters FROM indicator WHERE installation_id = %(installation)s;

-- retire_indicators --
-- What the file declares becomes current again right after.
UPDATE indicator SET current = false WHERE installation_id = %(installation)s AND current;

-- apply_indicator --
-- One indicator of the file.
INSERT INTO indicator (installation_id, key, version, position, current, name, description, formula, unit, decimals, inputs,
                       parameters, reference)
VALUES (%(installation)s, %(key)s, %(version)s, %(position)s, true, %(name)s, %(description)s, %(formula)s, %(unit)s,
        %(decimals)s, %(inputs)s, %(parameters)s, %(reference)s)
ON CONFLICT (installation_id, key, version) DO UPDATE
SET position = excluded.position, current = true, name = excluded.name, description = excluded.description,
    decimals = excluded.decimals, reference = excluded.reference;

-- broker_gateway --
-- What stands for the platform's broker, to which the sensors of an installation publish.
INSERT INTO gateway (installation_id, node, file_sha256) VALUES (%(installation)s, '+broker', %(sha256)s)
ON CONFLICT (installation_id, node) DO UPDATE SET file_sha256 = excluded.file_sha256
RETURNING gateway_id;

-- central_device --
-- A sensor; whether it is there, its messages say.
INSERT INTO device (gateway_id, key, profile) VALUES (%(gateway)s, %(key)s, %(profile)s)
ON CONFLICT (gateway_id, key) DO UPDATE SET profile = excluded.profile
RETURNING device_id;

-- retire_sensors --
-- What the file declares becomes current again right after.
UPDATE central_sensor SET current = false
FROM device d JOIN gateway g USING (gateway_id)
WHERE central_sensor.device_id = d.device_id AND g.installation_id = %(installation)s AND current;

-- apply_sensor --
-- How its messages are read.
INSERT INTO central_sensor (device_id, sensor) VALUES (%(device)s, %(sensor)s)
ON CONFLICT (device_id) DO UPDATE SET sensor = excluded.sensor, current = true;
