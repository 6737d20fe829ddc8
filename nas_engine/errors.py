"""The three ways something expected can go wrong. Anything else that rises is a bug of ours."""


class ConfigError(ValueError):
    """The user can fix this. ``problems`` maps a dotted field ("training.epochs") to a sentence saying what to change."""

    def __init__(self, problems: dict[str, str] | str, field: str = ""):
        self.problems = problems if isinstance(problems, dict) else {field: problems}
        super().__init__("; ".join(f"{name}: {text}" if name else text for name, text in self.problems.items()))


class EvaluationFailed(Exception):
    """This child cannot be measured; the search goes on. ``reason`` says what happened, ``advice`` what to do."""

    def __init__(self, reason: str, advice: str = ""):
        self.reason, self.advice = reason, advice
        super().__init__(f"{reason}. {advice}" if advice else reason)


class SearchCancelled(Exception):
    """Raised inside a child's training when its search was paused or stopped, or its worker is shutting down."""
