"""What the database keeps of API tokens; part of :mod:`webapp.models`, which names this class too."""

from django.conf import settings
from django.db import models


class ApiToken(models.Model):
    """A program's way in, on behalf of one person. Only the SHA-256 of it is kept, and its beginning to tell it by."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60, help_text="What it is for")
    token_hash = models.CharField(max_length=64, unique=True)
    beginning = models.CharField(max_length=12)
    created = models.DateTimeField(auto_now_add=True)
    used = models.DateTimeField(null=True, help_text="To the minute")

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_token_per_name")]

    def __str__(self):
        return self.name
