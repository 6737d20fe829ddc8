"""What a person reads when the server is up."""

from django.core.management.base import BaseCommand

from webapp.services.datasets import ensure_builtin
from webapp.services.owner import first_run_link


class Command(BaseCommand):
    help = "Makes sure that there is a data set and prints a new one-time link that lets its reader in as the owner."

    def add_arguments(self, parser):
        parser.add_argument("url", help="where the web server is reached, such as http://127.0.0.1:8000")

    def handle(self, *, url, **options):
        ensure_builtin()
        self.stdout.write(f"\n  Nasturtium is running at {url}\n")
        self.stdout.write(f"  Log in once with this link: {first_run_link(url)}\n")
        self.stdout.write("  Ctrl-C stops it; searches go on at the next start.\n\n")
