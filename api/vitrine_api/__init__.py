"""REST interface, downloads, live values and the portal, in one FastAPI application."""
