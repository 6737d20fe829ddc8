"""Everything that script/server runs, and what keeps it running."""
