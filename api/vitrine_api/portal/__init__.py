"""The portal: pages in French and English, rendered on the server, that need no script and no foreign origin."""
