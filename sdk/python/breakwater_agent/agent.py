"""The program's side of the agent."""

import asyncio
import contextlib
import inspect
import os
import signal
import sys
import time
import traceback
import uuid
from typing import Any, Awaitable, Callable
from urllib.parse import quote

import anthropic
import httpx2
import uvicorn

from . import local_api
from .cache import TieredCache
from .errors import class_of
from .tasks import MetricsCollector
from .tools import Tools

SDK = "python/0.1.0"

# Seconds between two checks of health, for one check, for one handler of shutdown, and between two tries to reach a
# runtime that is away.
CHECK_EVERY = 10.0
CHECK_TIMEOUT = 5.0
HANDLER_TIMEOUT = 10.0
AWAY = 0.5

# Tries of a connection to the runtime for a call of the model: 3.5 s in all.
CONNECTION_RETRIES = 4

App = Callable[..., Awaitable[None]]


class Agent:
    def __init__(self) -> None:
        self._api = local_api.LocalApi()
        self._instance = uuid.uuid4().hex
        self._tools = Tools()
        self._checks: list[tuple[str, Callable, bool, float]] = []
        self._handlers: list[tuple[str, Callable, float]] = []
        self._warned: set[str] = set()
        self.cache = TieredCache(self._api)
        self.collector = MetricsCollector(self._api, self._instance)

    def tool(self, name: str | None = None) -> Callable:
        """Adds a tool. Its description is the docstring, and its input follows from the annotations."""

        def decorate(function: Callable) -> Callable:
            self._tools.add(name or function.__name__, function)
            return function

        return decorate

    def client(self) -> str:
        """The client of the request that is served; `program` outside of one."""
        return local_api.client()

    async def performance(self) -> dict[str, Any]:
        """Figures of this pod, with the tasks so far."""
        return await self.collector.performance()

    def health(
        self, name: str, check: Callable, *, critical: bool = False, every: float = CHECK_EVERY
    ) -> None:
        """
        Checks what the program depends on while it runs. It fails where `check` raises or gives False. While a critical one
        fails, the pod is unready.
        """
        self._checks.append((name, check, critical, every))

    def on_shutdown(self, name: str, handler: Callable, *, timeout: float = HANDLER_TIMEOUT) -> None:
        """Runs before the process ends, the last one added first, while model and audit are still there."""
        self._handlers.insert(0, (name, handler, timeout))

    async def audit(self, type: str, *, action: str, **members: Any) -> dict[str, Any]:
        """Records an event: actor, resource, outcome and metadata besides. Raises AuditUnavailable where it must be and cannot."""
        event = {"type": type, "action": action, **members}
        return await self._api.json("POST", "/v1/audit", json={"events": [event]})

    async def audited(
        self,
        *,
        actor: str | None = None,
        type: str | None = None,
        outcome: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """The program's own events of this pod, newest first."""
        query = {"actor": actor, "type": type, "outcome": outcome, "limit": limit}
        return await self._api.json("GET", "/v1/audit", params=query)

    async def incident(self, type: str, level: str, *, client: str | None = None) -> dict[str, Any]:
        report = {"type": type, "level": level, **({} if client is None else {"client": client})}
        return await self._api.json("POST", "/v1/incidents", json=report)

    async def incidents(self) -> dict[str, Any]:
        """Incidents of this pod."""
        return await self._api.json("GET", "/v1/incidents")

    async def call_tool(self, name: str, input: dict[str, Any]) -> dict[str, Any]:
        """Any tool of the agent, behind its circuit and limits."""
        path = f"/v1/tools/{quote(name, safe='')}"
        return await self._api.json("POST", path, json={"input": input})

    def anthropic(self) -> anthropic.AsyncAnthropic:
        """Anthropic's client for the agent's own model. The runtime retries, so this client does not."""

        async def carry(request: httpx2.Request) -> None:
            request.headers.update(local_api.carried())

        http = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(retries=CONNECTION_RETRIES),
            event_hooks={"request": [carry]},
            timeout=None,
        )
        url, key = self._api.url, self._api.token
        return anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0, http_client=http)

    def run(self, app: App | None = None, *, tools_path: str = "/mcp") -> None:
        """Serves tools and, where given, an ASGI app at HOST:PORT until SIGTERM or SIGINT, and then runs the handlers."""
        asyncio.run(self._run(app, tools_path))

    async def _run(self, app: App | None, tools_path: str) -> None:
        host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
        asgi = _Asgi(self._tools.app(tools_path) if self._tools.names else None, tools_path, app)
        config = uvicorn.Config(asgi, host=host, port=port, log_level="warning", lifespan="on")
        server = _Server(config)
        loop = asyncio.get_running_loop()
        ending = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, ending.set)
        serving = asyncio.create_task(server.serve())
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        beside = self._begin(f"http://{host}:{port}") if server.started else []
        await asyncio.wait([serving, asyncio.create_task(ending.wait())], return_when="FIRST_COMPLETED")
        await self._end(beside)
        server.should_exit = True
        await serving

    def _begin(self, url: str) -> list[asyncio.Task]:
        if not self._api.present:
            self._warn(f"no runtime, as BREAKWATER_URL is not set; the program alone is at {url}")
            return []
        checks = [self._watch(*check) for check in self._checks]
        return [asyncio.create_task(each) for each in [self._stay_registered(), *checks]]

    async def _end(self, beside: list[asyncio.Task]) -> None:
        if self._api.present:
            with contextlib.suppress(Exception):
                phase = await self._phase()
                while phase == "Leaving":
                    phase = await self._phase(phase)
        for name, handler, timeout in self._handlers:
            await self._run_handler(name, handler, timeout)
        await asyncio.to_thread(self.collector.flush)
        for task in beside:
            task.cancel()

    async def _run_handler(self, name: str, handler: Callable, timeout: float) -> None:
        began = time.perf_counter()
        report: dict[str, Any] = {"handler": name, "end": "Done"}
        try:
            await asyncio.wait_for(_called(handler), timeout)
        except TimeoutError:
            report["end"] = "TimedOut"
        except Exception as error:
            report.update(end="Failed", error=class_of(error))
            self._warn(f"shutdown of {name}: {class_of(error)}")
        report["ms"] = (time.perf_counter() - began) * 1000
        if self._api.present:
            with contextlib.suppress(Exception):
                await self._api.send("POST", "/v1/shutdown", json=report)

    async def _register(self) -> str:
        names = self._tools.names
        revision = {"toolsRevision": f"{self._instance}.{len(names)}"} if names else {}
        body = {"sdk": SDK, "instance": self._instance, **revision}
        return (await self._api.json("PUT", "/v1/program", json=body))["phase"]

    async def _stay_registered(self) -> None:
        """Registers, and again after the runtime has restarted, which breaks the request that waits."""
        while True:
            try:
                phase = await self._register()
                while phase != "Drained":
                    phase = await self._phase(phase)
                return
            except Exception as error:
                self._warn(f"waits for the runtime: {error}")
                await asyncio.sleep(AWAY)

    async def _phase(self, after: str | None = None) -> str:
        """The phase once it is another than `after`, or after a minute."""
        params = {} if after is None else {"after": after}
        async with httpx2.AsyncClient(timeout=local_api.TIMEOUT, trust_env=False) as http:
            url = f"{self._api.url}/v1/lifecycle"
            response = await http.get(url, params=params, headers=self._api.authorization)
        return response.raise_for_status().json()["phase"]

    async def _watch(self, name: str, check: Callable, critical: bool, every: float) -> None:
        while True:
            state = "Passing" if await _passes(check) else "Failing"
            body = {"state": state, "critical": critical, "ttl": 3 * every}
            try:
                await self._api.send("PUT", f"/v1/health/{name}", json=body)
            except Exception as error:
                self._warn(f"health {name} was not reported: {error}")
            await asyncio.sleep(every)

    def _warn(self, text: str) -> None:
        """Says a thing once."""
        if text not in self._warned and len(self._warned) < 100:
            self._warned.add(text)
            print(f"breakwater: {text}", file=sys.stderr, flush=True)


class _Server(uvicorn.Server):
    """Leaves signals to the agent, which waits until the pod is drained."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


class _Asgi:
    """The tools at their path, and the program's own app at all others."""

    def __init__(self, tools: Any, path: str, app: App | None) -> None:
        self._tools = tools
        self._path = path
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self._live(scope, receive, send)
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        local_api.serve(headers)
        if self._tools is not None and scope["path"] == self._path:
            return await self._tools(scope, receive, send)
        if self._app is None:
            return await _answer(send, 404, b"This program has tools alone.\n")
        await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Any, receive: Any, send: Any) -> None:
        began = False

        async def note(message: Any) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            traceback.print_exc()
            if began:
                raise
            header = (b"breakwater-error", class_of(error).encode())
            await _answer(send, 500, b"The program has failed.\n", header)

    async def _live(self, scope: Any, receive: Any, send: Any) -> None:
        """The tools live as long as the server. The app takes part if it knows this protocol."""
        async with contextlib.AsyncExitStack() as stack:
            if self._tools is not None:
                await stack.enter_async_context(self._tools.router.lifespan_context(self._tools))
            if self._app is not None:
                taken = False

                async def note() -> Any:
                    nonlocal taken
                    taken = True
                    return await receive()

                try:
                    return await self._app(scope, note, send)
                except Exception:
                    if taken:
                        raise
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def _called(work: Callable) -> Any:
    """Calls a function that may block, or be asynchronous."""
    if inspect.iscoroutinefunction(work):
        return await work()
    result = await asyncio.to_thread(work)
    return await result if inspect.isawaitable(result) else result


async def _passes(check: Callable) -> bool:
    try:
        return await asyncio.wait_for(_called(check), CHECK_TIMEOUT) is not False
    except Exception:
        return False
