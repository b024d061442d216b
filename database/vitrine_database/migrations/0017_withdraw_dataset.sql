-- The API takes back a dataset whose job could not be queued, and can delete no other one.

-- It runs with an owner's rights: no table of a session may stand in front of ours.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE FUNCTION withdraw_dataset(one_dataset int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DELETE FROM dataset WHERE dataset_id = one_dataset AND state = 'provisional' AND build = 'queued' AND file_name IS NULL
$$;
REVOKE ALL ON FUNCTION withdraw_dataset(int) FROM PUBLIC;
