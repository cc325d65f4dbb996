"""Calls an agent with Anthropic's SDK, as its users do.

Takes one call per line of standard input, as JSON: call, url, key, and optionally retries and request. Prints what came of
it, one line of JSON per call: {"value": ...} or {"error": NAME_OF_THE_EXCEPTION, ...}, each with the seconds that it took.
"""

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import anthropic


def message(client, request):
    return client.messages.create(**request).to_dict()


def stream(client, request):
    with client.messages.stream(**request) as events:
        types = [event.type for event in events]
        return {"types": types, "message": events.get_final_message().to_dict()}


def leave(client, request):
    with client.messages.stream(**request) as events:
        return next(iter(events)).type


def count_tokens(client, request):
    return client.messages.count_tokens(**request).input_tokens


def models(client, _request):
    return {
        "listed": [model.id for model in client.models.list()],
        "retrieved": client.models.retrieve("claude-simulated").id,
    }


def at_once(client, request):
    """Twenty streams at the same time with the asynchronous client."""

    async def one(shared):
        async with shared.messages.stream(**request) as events:
            return (await events.get_final_message()).stop_reason

    async def all_of_them():
        options = {"base_url": client.base_url, "api_key": client.api_key}
        async with anthropic.AsyncAnthropic(**options, max_retries=0) as shared:
            return await asyncio.gather(*(one(shared) for _ in range(20)))

    return asyncio.run(all_of_them())


CALLS = {call.__name__: call for call in (message, stream, leave, count_tokens, models, at_once)}


def options(asked):
    given = {"base_url": asked["url"], "api_key": asked["key"]}
    if "timeout" in asked:
        given["timeout"] = asked["timeout"]
    return {**given, "max_retries": asked.get("retries", 0)}


def outcome(asked, client):
    began = time.monotonic()
    try:
        result = {"value": CALLS[asked["call"]](client, asked.get("request", {}))}
    except Exception as error:
        # Not all that a caller meets is an APIError.
        result = {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "type": getattr(error, "type", None),
            "requestId": getattr(error, "request_id", None),
            "message": str(error),
        }
    return {**result, "seconds": time.monotonic() - began}


def side_by_side(calls):
    """In threads, over shared connections: a client of its own for each call would take most of the time."""
    with anthropic.DefaultHttpxClient() as shared, ThreadPoolExecutor(12) as threads:
        clients = [anthropic.Anthropic(**options(asked), http_client=shared) for asked in calls]
        return list(threads.map(outcome, calls, clients))


def answer(asked):
    if isinstance(asked, list):
        return side_by_side(asked)
    with anthropic.Anthropic(**options(asked)) as client:
        return outcome(asked, client)


print(json.dumps({"value": anthropic.__version__}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
