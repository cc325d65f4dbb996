"""The runtime of the program's own pod."""

import asyncio
import os
import time
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

import httpx2

from .errors import BreakwaterError

# How long a request waits for a runtime that restarts, and between two tries, in seconds.
RESTART = 5.0
PAUSE = 0.1
# Longer than the runtime takes for anything but the model.
TIMEOUT = 120.0

# Headers of a request of a client, which calls made for it carry on.
CARRIED = ("breakwater-request", "traceparent")

_served: ContextVar[dict[str, str]] = ContextVar("served", default={})


def serve(headers: dict[str, str]) -> None:
    """Says which request the current task serves."""
    _served.set(headers)


def client() -> str:
    """The client of the request that is served; `program` outside of one."""
    return unquote(_served.get().get("breakwater-client", "program"))


def carried() -> dict[str, str]:
    headers = _served.get()
    return {name: headers[name] for name in CARRIED if name in headers}


class LocalApi:
    """Reads BREAKWATER_URL and BREAKWATER_TOKEN with each request. Threads may share it."""

    def __init__(self) -> None:
        self._http: httpx2.Client | None = None

    @property
    def present(self) -> bool:
        """Whether the program runs beside a runtime."""
        return bool(os.environ.get("BREAKWATER_URL"))

    @property
    def url(self) -> str:
        url = os.environ.get("BREAKWATER_URL")
        if url:
            return url.rstrip("/")
        remedy = "Start the program by `breakwater local --program`, or as spec.program of an agent."
        raise BreakwaterError("NoRuntime", f"BREAKWATER_URL is not set. {remedy}")

    @property
    def token(self) -> str:
        return os.environ.get("BREAKWATER_TOKEN", "")

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    async def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return await asyncio.to_thread(self.send_now, method, path, **options)

    async def json(self, method: str, path: str, **options: Any) -> Any:
        return (await self.send(method, path, **options)).json()

    def send_now(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """The answer; BreakwaterError with the reason of an error answer. `options` are those of httpx2."""
        options["params"] = {k: v for k, v in options.get("params", {}).items() if v is not None}
        options["headers"] = {**self.authorization, **carried()}
        response = self._tried(method, f"{self.url}{path}", options)
        if response.is_success:
            return response
        raise _error_of(response, path)

    def _tried(self, method: str, url: str, options: dict[str, Any]) -> httpx2.Response:
        """While the runtime restarts, repeats what did not arrive, or may arrive twice."""
        if self._http is None:
            # A proxy of the environment must not get what is for this pod.
            self._http = httpx2.Client(timeout=TIMEOUT, trust_env=False)
        until = time.monotonic() + RESTART
        while True:
            try:
                return self._http.request(method, url, **options)
            except httpx2.TransportError as error:
                may_repeat = method != "POST" or isinstance(error, httpx2.ConnectError)
                if not may_repeat or time.monotonic() > until:
                    raise BreakwaterError("RuntimeUnreachable", f"no answer from {self.url}") from error
            time.sleep(PAUSE)


def _error_of(response: httpx2.Response, path: str) -> BreakwaterError:
    status = response.status_code
    reason = response.headers.get("x-breakwater-reason", f"HTTP {status}")
    # A runtime of an earlier version has no such route.
    if reason == "NotFound" and not path.startswith("/v1/tools/"):
        remedy = "Take a runtime of the version of this package or later."
        return BreakwaterError("UnsupportedByRuntime", f"{path}. {remedy}", status)
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.text
    return BreakwaterError(reason, message, status)
