"""What a comparison says, in plain words."""

from nas_engine.significance import pairs_needed
from webapp.results.comparison import SURE, Comparison, Group, Pair
from webapp.templatetags.parts import thousands

FEWEST = 6  # pairs below which no difference can reach 5% by an exact test of signs
WORTH = 0.001  # a difference in accuracy (0.1 points) worth telling apart


def reading(comparison: Comparison) -> list[str]:
    """Sentences, the most important first."""
    ranked = [group for group in comparison.groups if group.result]
    if not ranked:
        return ["Nothing has been measured yet."]
    said = [_first(ranked, comparison)]
    if len(ranked) > 1:
        said += _beside_best(ranked[0], comparison.pairs)
        said += _beside_random(ranked, comparison.pairs)
        said += _how_many(comparison.pairs)
    return said + _fairness(comparison)


def _first(ranked: list[Group], comparison: Comparison) -> str:
    best, last = ranked[0], ranked[-1]
    spread = f" ± {_points(best.result.half)}" if best.result.half is not None else ""
    said = f"{_points(best.result.mean)}{spread} (n = {best.result.n})"
    if len(ranked) == 1:
        return f"{best.label} has the best mean: {said}. There is nothing to compare it with."
    level = [group.label for group in ranked if _points(group.result.mean) == _points(best.result.mean)]
    if len(level) == len(ranked):
        return f"{_and(level)} have the same mean: {_points(best.result.mean)}."
    text = f"{_and(level)} share the best mean" if len(level) > 1 else f"{best.label} has the best mean"
    return f"{text}: {said}, {_points(best.result.mean - last.result.mean)} points above {last.label}, the last."


def _beside_best(best: Group, pairs: list[Pair]) -> list[str]:
    own = [pair for pair in pairs if pair.better is best]
    if not own:
        return ["No two strategies share two seeds or more, so nothing can be said about luck."]
    clear = [pair.worse.label for pair in own if pair.told_apart]
    unclear = [pair for pair in own if not pair.told_apart]
    said = [f"It is better than {_and(clear)} by more than luck (p ≤ {SURE:g})."] if clear else []
    if unclear:
        n = min(pair.test.n for pair in unclear)
        names = _and([pair.worse.label for pair in unclear])
        said.append(f"{best.label} and {names} cannot be told apart at n = {n}.")
    return said


def _beside_random(ranked: list[Group], pairs: list[Pair]) -> list[str]:
    """Whether learning pays: what every strategy has to beat."""
    chance = next((group for group in ranked if group.strategy == "random"), None)
    if chance is None or chance is ranked[0]:
        return [f"No strategy beats {chance.label.lower()} search."] if chance else []
    against = [pair for pair in pairs if chance in (pair.better, pair.worse) and pair.better is not ranked[0]]
    not_better = [
        (p.worse if p.better is chance else p.better).label for p in against if p.better is chance or not p.told_apart
    ]
    return [f"{_and(not_better)} cannot be told from random search, or did worse."] if not_better else []


def _how_many(pairs: list[Pair]) -> list[str]:
    few = [pair for pair in pairs if pair.test.n < FEWEST]
    if few:
        n = min(pair.test.n for pair in few)
        least = max(pair.test.smallest for pair in few)
        return [
            f"With {n} seeds the smallest p there can be is {least:.2g}: take {FEWEST} or more to tell strategies apart."
        ]
    unclear = [pair for pair in pairs if not pair.told_apart]
    if not unclear:
        return []
    closest = max(unclear, key=lambda pair: abs(pair.test.difference.mean))
    needed = pairs_needed(WORTH, closest.test.difference.deviation)
    if needed <= closest.test.n:
        return []
    return [f"At this spread, telling {_points(WORTH)} points apart takes about {thousands(needed)} seeds."]


def _fairness(comparison: Comparison) -> list[str]:
    said = []
    if len(comparison.budgets) > 1:
        said.append(f"The budgets differ ({'; '.join(comparison.budgets)}), so this is no fair comparison.")
    waiting = sum(group.under_way for group in comparison.groups)
    if waiting:
        said.append(f"{waiting} of {len(comparison.searches)} searches are still under way: this may change.")
    return said


def _points(share: float) -> str:
    return f"{100 * share:.2f}"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
