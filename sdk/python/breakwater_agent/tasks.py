"""Times of tasks."""

import asyncio
import functools
import inspect
import sys
import threading
import time
from collections import Counter
from typing import Any, Callable

from .errors import class_of
from .local_api import LocalApi

# Seconds until tasks that have ended are recorded, and the most in one request.
FLUSH = 1.0
MOST = 512
# The runtime keeps as many names, too.
NAMES = 64


class MetricsCollector:
    """Times tasks, and records them with the runtime once a second. A task never fails because of that."""

    def __init__(self, api: LocalApi, instance: str) -> None:
        self._api = api
        self._instance = instance
        self._lock = threading.Lock()
        self._ended: list[dict[str, Any]] = []
        self._running: Counter[str] = Counter()
        self._timer: threading.Timer | None = None

    def track_performance(self, name: str, collector: "MetricsCollector | None" = None) -> Callable:
        """Times the calls of a function under this name. Errors count by their class, and pass."""
        if collector is not None and collector is not self:
            return collector.track_performance(name)

        def decorate(function: Callable) -> Callable:
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def tracked(*args: Any, **kwargs: Any) -> Any:
                    with _Timed(self, name):
                        return await function(*args, **kwargs)

            else:

                @functools.wraps(function)
                def tracked(*args: Any, **kwargs: Any) -> Any:
                    with _Timed(self, name):
                        return function(*args, **kwargs)

            return tracked

        return decorate

    async def get_all_metrics(self) -> dict[str, dict[str, Any]]:
        """The figures of each task of this pod, by the guides' names. Times are in seconds."""
        tasks = (await self.performance())["tasks"]
        return {name: _summary(name, figures) for name, figures in tasks.items()}

    async def get_system_summary(self) -> dict[str, Any]:
        """All tasks of this pod together, by the guides' names."""
        performance = await self.performance()
        tasks = performance["tasks"].values()
        total = sum(each["count"] for each in tasks)
        successes = sum(each["successes"] for each in tasks)
        uptime = performance["uptimeSeconds"]
        return {
            "uptime": uptime,
            "total_tasks": total,
            "total_successes": successes,
            "total_failures": total - successes,
            "overall_success_rate": successes / total if total else 1.0,
            "throughput": total / uptime if uptime else 0.0,
            "active_agents": len(performance["tasks"]),
            "agent_rankings": performance["ranking"],
        }

    async def performance(self) -> dict[str, Any]:
        """Figures of this pod, with the tasks so far."""
        await asyncio.to_thread(self.flush)
        return await self._api.json("GET", "/v1/performance")

    def flush(self) -> None:
        """Records what has ended."""
        with self._lock:
            tasks, self._ended, self._timer = self._ended, [], None
            running = dict(self._running)
        if not tasks or not self._api.present:
            return
        try:
            body = {"tasks": tasks, "instance": self._instance, "running": running}
            self._api.send_now("POST", "/v1/tasks", json=body)
        except Exception as error:
            print(f"breakwater: {len(tasks)} tasks were not recorded: {error}", file=sys.stderr)

    def begin(self, name: str) -> None:
        with self._lock:
            if name in self._running or len(self._running) < NAMES:
                self._running[name] += 1

    def end(self, task: dict[str, Any]) -> None:
        with self._lock:
            if self._running[task["name"]] > 0:
                self._running[task["name"]] -= 1
            if len(self._ended) < MOST:
                self._ended.append(task)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH, self.flush)
                self._timer.daemon = True
                self._timer.start()


class _Timed:
    def __init__(self, collector: MetricsCollector, name: str) -> None:
        self._collector = collector
        self._name = name

    def __enter__(self) -> None:
        self._began = time.perf_counter()
        self._collector.begin(self._name)

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        task: dict[str, Any] = {"name": self._name, "ms": (time.perf_counter() - self._began) * 1000}
        if error is not None:
            task["error"] = class_of(error)
        self._collector.end(task)


def _summary(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "agent_name": name,
        "task_count": figures["count"],
        "success_count": figures["successes"],
        "failure_count": figures["failures"],
        "success_rate": figures["successPercent"] / 100,
        "failure_rate": figures["failurePercent"] / 100,
        "avg_execution_time": figures["averageMs"] / 1000,
        "p50_execution_time": figures["p50Ms"] / 1000,
        "p95_execution_time": figures["p95Ms"] / 1000,
        "p99_execution_time": figures["p99Ms"] / 1000,
        "min_execution_time": figures["minMs"] / 1000,
        "max_execution_time": figures["maxMs"] / 1000,
        "top_errors": {each["type"]: each["count"] for each in figures["topErrors"]},
    }
