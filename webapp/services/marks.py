"""What people keep of cells: stars and pins of their own, tags and notes for everybody, views of the leaderboard."""

import re
from collections.abc import Iterable

from django.db import transaction

from nas_engine.errors import ConfigError
from webapp.models import CellMark, CellNote, CellRecord, SavedView

TAG = re.compile(r"[^\s,:]{1,30}")
LONGEST_NOTE = 5_000
MOST_VIEWS = 30


def mark(owner, keys: Iterable[str], **on: bool) -> list[str]:
    """Set ``starred`` or ``pinned`` on these cells for this person; a mark that marks nothing any more goes. Returns the
    keys of the cells that this changed."""
    with transaction.atomic():
        cells = CellRecord.objects.filter(pk__in=list(keys)).only("pk")
        before = {one.cell_id: one for one in CellMark.objects.filter(owner=owner, cell__in=cells)}
        changed = [
            cell.pk
            for cell in cells
            if any(value != getattr(before.get(cell.pk), name, False) for name, value in on.items())
        ]
        for key in changed:
            CellMark.objects.update_or_create(owner=owner, cell_id=key, defaults=on)
        CellMark.objects.filter(owner=owner, starred=False, pinned=False).delete()
    return changed


def without_tags(keys: Iterable[str], words: str) -> list[str]:
    """The keys of those cells that bear none of the tags in ``words``: adding these and taking them away leaves no trace."""
    tags, keys = set(_tags_in(words)), list(keys)
    bearing = CellNote.objects.filter(cell__in=keys).values_list("cell", "tags")
    some = {key for key, own in bearing if tags & set(own.split())}
    return [key for key in keys if key not in some]


def tag(author, keys: Iterable[str], words: str, on: bool = True) -> list[str]:
    """Add the tags in ``words`` (apart by spaces or commas) to these cells, or take them away. Returns the tags.

    Raises ConfigError under "tag" where there is none, or one is no tag.
    """
    tags = _tags_in(words)
    wrong = [word for word in tags if not TAG.fullmatch(word)]
    if wrong or not tags:
        problem = f"{wrong[0][:40]} is no tag." if wrong else "Write a tag."
        raise ConfigError(f"{problem} A tag is a word of up to 30 letters, without colon or comma.", "tag")
    with transaction.atomic():
        for cell in CellRecord.objects.filter(pk__in=list(keys)).only("pk"):
            note, _ = CellNote.objects.get_or_create(cell=cell)
            kept = {*note.tags.split(), *tags} if on else set(note.tags.split()) - set(tags)
            note.tags = f" {' '.join(sorted(kept))} " if kept else ""
            note.author = author
            note.save(update_fields=["tags", "author", "changed"])
    return tags


def _tags_in(words: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", words.strip()) if word]


def write_note(author, cell: CellRecord, text: str) -> None:
    """Replace the note on a cell. Raises ConfigError under "text" if it is too long."""
    if len(text) > LONGEST_NOTE:
        raise ConfigError(f"{len(text)} characters are too many; a note holds {LONGEST_NOTE}.", "text")
    CellNote.objects.update_or_create(cell=cell, defaults={"text": text.strip(), "author": author})


def save_view(owner, name: str, query: str) -> SavedView:
    """Keep an address under a name; a view of that name is replaced. Raises ConfigError under "name"."""
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise ConfigError("Give the view a name of up to 60 letters.", "name")
    if len(query) > 1000:
        raise ConfigError("This view holds too many filters to be kept.", "name")
    if SavedView.objects.filter(owner=owner).exclude(name=name).count() >= MOST_VIEWS:
        raise ConfigError(f"There are {MOST_VIEWS} views already; delete one first.", "name")
    return SavedView.objects.update_or_create(owner=owner, name=name, defaults={"query": query})[0]


def delete_view(owner, pk: int) -> SavedView | None:
    """Delete a view of this person's; returns what it was, None if there is none."""
    found = SavedView.objects.filter(owner=owner, pk=pk).first()
    if found:
        SavedView.objects.filter(pk=found.pk).delete()
    return found
