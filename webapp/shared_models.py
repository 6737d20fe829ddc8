"""What several tables have in common; no table of its own."""

from django.db import models


class Claimed(models.Model):
    """Work that a worker claims: ``attempt`` is the fencing token, only the current one counts."""

    attempt = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    heartbeat = models.DateTimeField(null=True)
    sent = models.DateTimeField(null=True, help_text="When its message was last put on the queue")

    class Meta:
        abstract = True


class Measurement(Claimed):
    """Something that a worker measures once a reader asks for it."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        FAILED = "failed"

    OPEN = (State.QUEUED, State.RUNNING)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    error = models.TextField(blank=True, help_text="Why it failed, and what to do")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class Line(models.Model):
    """A line of a log: what happened, in words."""

    class Level(models.TextChoices):
        INFO = "info"
        GOOD = "good"
        BAD = "bad"

    level = models.CharField(max_length=5, choices=Level, default=Level.INFO)
    text = models.TextField()
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self):
        return self.text
