-- by_login --
-- The account of one login.
SELECT account_id, login, password_hash, role, organisation, created_at FROM account WHERE login = %(login)s

-- all --
-- Every account, without its hash.
SELECT account_id, login, role, organisation, created_at FROM account ORDER BY login

-- add --
-- A new account; nothing where the login is taken.
INSERT INTO account (login, password_hash, role, organisation)
VALUES (%(login)s, %(password_hash)s, %(role)s, %(organisation)s)
ON CONFLICT (login) DO NOTHING RETURNING account_id

-- set_password --
-- Another password for an account; its open sessions end.
UPDATE account SET password_hash = %(password_hash)s WHERE login = %(login)s RETURNING account_id

-- remove --
-- An account goes; its open sessions end.
DELETE FROM account WHERE login = %(login)s RETURNING account_id
