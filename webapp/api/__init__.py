"""The REST API under /api/v1/: what the pages can do, for programs. Its description is /api/v1/openapi.json."""
