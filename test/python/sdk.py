"""Calls an agent with Anthropic's SDK, as its users do.

Takes one call per line of standard input, as JSON: call, url, key, and optionally retries and request. Prints what came of
it, one line of JSON per call: {"value": ...} or {"error": NAME_OF_THE_EXCEPTION, ...}, each with the seconds that it took.
"""

import asyncio
import json
import sys
import time

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


def outcome(asked):
    try:
        with anthropic.Anthropic(
            base_url=asked["url"],
            api_key=asked["key"],
            max_retries=asked.get("retries", 0),
        ) as client:
            return {"value": CALLS[asked["call"]](client, asked.get("request", {}))}
    except anthropic.APIError as error:
        return {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "type": getattr(error, "type", None),
            "requestId": getattr(error, "request_id", None),
            "message": str(error),
        }


print(json.dumps({"value": anthropic.__version__}), flush=True)
for line in sys.stdin:
    began = time.monotonic()
    result = outcome(json.loads(line))
    print(json.dumps({**result, "seconds": time.monotonic() - began}), flush=True)
