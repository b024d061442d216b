-- What a gateway keeps of records that it had to thin: device/channel → [[minute, count, mean, min, max], …].
ALTER TABLE loss ADD COLUMN statistics jsonb;
