"""The program's cache in the runtime of its pod."""

import asyncio
import functools
import hashlib
import inspect
import json
import sys
from typing import Any, Callable, Literal
from urllib.parse import quote

from .errors import BreakwaterError
from .local_api import LocalApi

Tier = Literal["hot", "warm", "cold"]

_MISS = object()


class TieredCache:
    """Values are JSON. A kept None is a hit."""

    def __init__(self, api: LocalApi) -> None:
        self._api = api

    async def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default` if it is not there."""
        return await asyncio.to_thread(self._get, key, default)

    async def put(
        self, key: str, value: Any, *, ttl: float | None = None, priority: Tier | None = None
    ) -> None:
        """Keeps a value for `ttl` seconds at most, in the tier `priority` at first, which is warm by default."""
        await asyncio.to_thread(self._put, key, value, ttl, priority)

    async def delete(self, key: str) -> None:
        await self._api.send("DELETE", _path(key))

    async def clear(self) -> None:
        await self._api.send("DELETE", "/v1/cache")

    async def get_stats(self) -> dict[str, Any]:
        return await self._api.json("GET", "/v1/cache")

    def cached(
        self,
        cache: "TieredCache | None" = None,
        *,
        ttl: float | None = None,
        priority: Tier | None = None,
        name: str | None = None,
    ) -> Callable:
        """Remembers results by arguments. Without a cache it calls the function each time."""
        kept = cache or self
        if ttl is not None and not ttl > 0:
            raise ValueError(f"cached: ttl is {ttl}. Write seconds, such as ttl=60.")

        def decorate(function: Callable) -> Callable:
            prefix = name or function.__qualname__

            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def remembering(*args: Any, **kwargs: Any) -> Any:
                    key = key_of(prefix, args, kwargs)
                    known = await asyncio.to_thread(kept._quietly, kept._get, key, _MISS)
                    if known is not _MISS:
                        return known
                    result = await function(*args, **kwargs)
                    await asyncio.to_thread(kept._quietly, kept._put, key, result, ttl, priority)
                    return result

            else:

                @functools.wraps(function)
                def remembering(*args: Any, **kwargs: Any) -> Any:
                    key = key_of(prefix, args, kwargs)
                    known = kept._quietly(kept._get, key, _MISS)
                    if known is not _MISS:
                        return known
                    result = function(*args, **kwargs)
                    kept._quietly(kept._put, key, result, ttl, priority)
                    return result

            return remembering

        return decorate

    def _get(self, key: str, default: Any) -> Any:
        try:
            return self._api.send_now("GET", _path(key)).json()
        except BreakwaterError as error:
            if error.reason == "NotCached":
                return default
            raise

    def _put(self, key: str, value: Any, ttl: float | None, priority: Tier | None) -> None:
        content = json.dumps(value).encode()
        params = {"ttl": ttl, "tier": priority}
        self._api.send_now("PUT", _path(key), content=content, params=params)

    def _quietly(self, ask: Callable, *args: Any) -> Any:
        if not self._api.present:
            return _MISS
        try:
            return ask(*args)
        except Exception as error:
            print(f"breakwater: the cache was not used: {error}", file=sys.stderr)
            return _MISS


def _path(key: str) -> str:
    return f"/v1/cache/{quote(key, safe='')}"


def key_of(name: str, args: tuple, kwargs: dict[str, Any]) -> str:
    """The same for equal arguments, as far as JSON tells."""
    text = json.dumps([args, kwargs], sort_keys=True, default=str)
    return f"{name[:256]}:{hashlib.sha256(text.encode()).hexdigest()}"
