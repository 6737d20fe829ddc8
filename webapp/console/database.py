"""What a command says of a database that is not there, or not as this version needs it."""

import os

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor


def explain(error: DatabaseError) -> str | None:
    """One line that says what to do about the error, or None where it has another cause: then it is a bug."""
    if connection.vendor == "sqlite":
        where = f"{settings.DATABASES['default']['NAME']} (the folder is NASTURTIUM_DATA)"
    else:
        where = f"{settings.DATABASES['default']['NAME']} at {settings.DATABASES['default']['HOST'] or 'this machine'}"
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except OperationalError:
        reason = " ".join(str(error).split())
        advice = "check DATABASE_URL" if os.environ.get("DATABASE_URL") else "check the folder and its rights"
        return f"The database {where} cannot be reached: {advice}. It said: {reason}"
    if missing:
        return f"The database {where} is not set up for this version: run script/server once, or manage.py prepare."
    return None
