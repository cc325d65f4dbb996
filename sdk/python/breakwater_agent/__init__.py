"""Your own code in an agent of Breakwater. Nothing happens before the first use."""

from .agent import Agent
from .cache import TieredCache
from .errors import BreakwaterError, ToolError
from .tasks import MetricsCollector

agent = Agent()
cache = agent.cache
collector = agent.collector
track_performance = collector.track_performance
cached = cache.cached

__all__ = [
    "Agent",
    "BreakwaterError",
    "MetricsCollector",
    "TieredCache",
    "ToolError",
    "agent",
    "cache",
    "cached",
    "collector",
    "track_performance",
]
