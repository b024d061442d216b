"""The database: schema and migrations on three editions, named queries, connection, embedded server."""
