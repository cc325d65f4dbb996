"""What can go wrong."""

import re

_CLASS = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$:]{0,63}")


class BreakwaterError(Exception):
    """Why a call failed, in the runtime's words: CircuitBreakerOpen, RateLimited and so on."""

    def __init__(self, reason: str, message: str, status: int | None = None):
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.status = status


class ToolError(Exception):
    """
    The input was wrong, and the model can try another. The model reads the message. Any other error is a fault of the
    tool, and counts in the circuit `tool/NAME`.
    """


def class_of(error: BaseException) -> str:
    """The class of an error, as the local API takes it; never its text."""
    name = type(error).__name__
    return name if _CLASS.fullmatch(name) else "Error"
