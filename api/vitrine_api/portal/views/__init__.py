"""Parts that pages show, prepared for their templates."""
