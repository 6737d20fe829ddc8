"""Numbers as the log writes them: a no-break space before the unit, no more digits than mean something."""


def percent(share: float) -> str:
    """0.92863 -> "92.86 %"."""
    return f"{100 * share:.2f}\u00a0%"


def praise(accuracy: float, reward: float) -> str:
    """What is said of a trial whose reward is the highest so far; it need not be the most accurate one."""
    return "the best so far" if reward == accuracy else f"the highest reward so far, {reward:.4f}"


def winner(number: int, accuracy: float, reward: float) -> str:
    """The last words on a search: " Best: trial 7, 92.86 %." """
    if reward == accuracy:
        return f" Best: trial {number}, {percent(accuracy)}."
    return f" Highest reward: trial {number}, {reward:.4f} at {percent(accuracy)}."


def millions(number: int) -> str:
    """MACs or parameters: 124 300 000 -> "124 M", 38 200 -> "38.2 k"."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}\u00a0{unit}" if number < 999.5 * size else f"{number / size:.0f}\u00a0{unit}"
    return str(number)


def duration(seconds: float) -> str:
    """ "42 s", "12 min 5 s", "2 h 24 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}\u00a0s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}\u00a0min" + (f" {rest}\u00a0s" if rest else "")
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours}\u00a0h" + (f" {minutes}\u00a0min" if minutes else "")


def place(worker: str, device: dict) -> str:
    """Where a trial runs, for people: "train-0@birch, NVIDIA A100"."""
    return f"{worker}, {device['name']}" if device.get("kind") == "cuda" else worker


def ordinal(number: int) -> str:
    """1 -> "1st", 12 -> "12th", 23 -> "23rd"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
