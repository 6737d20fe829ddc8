"""``python manage.py owner``: a new one-time link for the local owner."""

from django.core.management.base import BaseCommand

from webapp.services.owner import first_run_link


class Command(BaseCommand):
    help = "Print a new one-time link that lets the local owner in. Links printed before stop working."

    def add_arguments(self, parser):
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where this site is reached")

    def handle(self, *args, **options):
        self.stdout.write(first_run_link(options["url"]))
