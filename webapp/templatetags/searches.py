"""Small things the search pages write."""

import re

from django import template
from django.utils.html import conditional_escape, escape, format_html, json_script
from django.utils.safestring import SafeString, mark_safe

from nas_engine.catalog import searcher_label
from nas_engine.graph_cell import AnyCell
from webapp.diagrams import summary, thumbnail
from webapp.forms.fields import Field
from webapp.models import LogLine, Trial
from webapp.templatetags.parts import state

register = template.Library()


@register.filter
def variable(label: str) -> SafeString:
    """A label that ends in a symbol sets it as mathematics does: "Filters, F" with F in italics."""
    found = re.fullmatch(r"(.+, )([A-Zrsη])", label)
    return format_html("{}<var>{}</var>", *found.groups()) if found else conditional_escape(label)


@register.filter
def lookup(table: dict, key):
    """``table[key]``, or nothing."""
    return table.get(key)


@register.filter
def wrong(fields: list[Field]) -> bool:
    """Whether any of the fields has a problem."""
    return any(field.error for field in fields)


@register.filter
def in_words(field: Field) -> str:
    """A setting and its value in a few words: "momentum 0.9", "flip", "no cutout"."""
    name = field.about.label[:1].lower() + field.about.label[1:]
    if field.kind == "switch":
        return name if field.checked else f"no {name}"
    value = field.typed if isinstance(field.typed, str) else ", ".join(field.typed)
    if field.kind == "choice":
        value = next((option.label for option in field.options if option.chosen), value)
    return f"{name} {value}{field.about.unit and chr(0xA0) + field.about.unit}"


@register.simple_tag
def draw_cell(cell: AnyCell, width: int, height: int) -> SafeString:
    """A cell that belongs to no record yet, as a small inline SVG."""
    return thumbnail(cell, width, height)


@register.simple_tag
def draw_network(cells: tuple[AnyCell, ...], width: int, height: int) -> SafeString:
    """A whole network that belongs to no record yet, as a small inline SVG."""
    return thumbnail(summary(cells), width, height)


@register.filter
def figure_data(figure: dict, name: str) -> SafeString:
    """A figure as JSON for the element with data-figure="figure-<name>"."""
    return json_script(figure, f"figure-{name}")


@register.simple_tag
def trial_state(trial: Trial) -> SafeString:
    """State of a trial in a table: its epoch while it trains, its reason if it failed, whose result it took over."""
    if trial.state == Trial.State.RUNNING:
        bar = '{}<progress class="thin" value="{}" max="{}" aria-label="epoch {} of {}"></progress>'
        word = f"epoch {trial.epoch}" if trial.epoch else "starting"
        return format_html(bar, state("running", word), trial.epoch, trial.epochs or 1, trial.epoch, trial.epochs)
    if trial.state in (Trial.State.REUSED, Trial.State.WAITING) and trial.same_as:
        word = "same as" if trial.state == Trial.State.REUSED else "waits for"
        return state(trial.state, f"{word} {_name(trial.same_as, trial)}")
    if trial.state == Trial.State.PRUNED:
        return state(trial.state, f"stopped early, epoch {trial.epoch} of {trial.epochs}")
    if trial.state in (Trial.State.FAILED, Trial.State.INFEASIBLE):
        return format_html('{}<span class="muted small">{}</span>', state(trial.state), trial.error)
    return state(trial.state)


def _name(other: Trial, beside: Trial) -> str:
    """A trial as one of another calls it: by its number within a search, with the search's number outside of it."""
    return str(other.number) if other.search_id == beside.search_id else f"{other.number} of search {other.search_id}"


@register.filter
def why_same(trial: Trial) -> str:
    """In what way a cell was known already."""
    if trial.same_as is None:
        return "measured before"
    return (
        "the same decisions" if trial.choices == trial.same_as.choices else "the same graph, put together differently"
    )


@register.simple_tag
def log_line(line: LogLine) -> SafeString:
    """A line of the log; the time is UTC until search.js writes it in the reader's zone."""
    words = re.sub(r"\btrial (\d+)", r"trial <b>\1</b>", escape(line.text))
    kind = {LogLine.Level.BAD: "bad", LogLine.Level.GOOD: "best"}.get(line.level, "")
    time = f"{line.time:%H:%M:%S}"
    return format_html(
        '<div data-key="line-{}"{}><time datetime="{}" data-clock>{}</time>{}</div>',
        line.pk,
        format_html(' class="{}"', kind) if kind else "",
        line.time.isoformat(timespec="seconds"),
        time,
        mark_safe(words),
    )


@register.filter
def hundred(share: float) -> str:
    """0.92863 as 92.86, under a heading that says percent."""
    return f"{100 * share:.2f}"


@register.filter
def millions(number: int | None) -> str:
    """138240000 as 138, under a heading that says M."""
    if number is None:
        return ""
    value = number / 1e6
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


@register.filter
def strategy_label(name: str) -> str:
    """What a strategy is called; its own name if this version does not know it."""
    return searcher_label(name)


@register.filter
def milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}"
