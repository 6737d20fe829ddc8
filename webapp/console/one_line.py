"""Commands that say what is wrong with their arguments in one line."""

import sys
from typing import Any

from django.core.management.base import CommandError


class OneLineErrors:
    """Mix into a command: bad arguments end it with status 2 and a line on stderr, without the usage before it."""

    def create_parser(self, *arguments: Any, **options: Any):
        parser = super().create_parser(*arguments, **options)

        def error(message: str) -> None:
            if not parser.called_from_command_line:
                raise CommandError(message, returncode=2)
            sys.stderr.write(f"{parser.prog}: {message}\n")
            sys.exit(2)

        parser.error = error
        return parser
