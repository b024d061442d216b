-- A measured value is what the instrument said: its quality may be judged again, the value itself never changes.
-- A trigger and not rights on columns, which the columnstore's tables cannot take; it binds the owner too.

CREATE FUNCTION measurement_values_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'measured values are never changed' USING
        ERRCODE = 'restrict_violation',
        HINT = 'Only quality and tests may be changed, with a line in quality_change that says why.';
END $$;

CREATE TRIGGER measurement_values_stay BEFORE UPDATE OF time, channel_id, value ON measurement
FOR EACH STATEMENT EXECUTE FUNCTION measurement_values_stay();
