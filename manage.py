#!/usr/bin/env python
"""Nasturtium's command line: `python manage.py help` lists the commands."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    try:
        execute_from_command_line(sys.argv)
    except DatabaseError as error:
        from webapp.console.database import explain

        reason = explain(error)
        if reason is None:
            raise
        print(reason, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
