"""Calls an agent with OpenAI's SDK, as its users do. Takes a list of calls per line of standard input, and prints the list of what came of them, as sdk.py does."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openai


def chat(client, request):
    return client.chat.completions.create(**request).choices[0].message.content


def chat_stream(client, request):
    text = ""
    for chunk in client.chat.completions.create(**request, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
    return text


def response(client, request):
    with client.responses.stream(**request) as events:
        for _ in events:
            pass
        return events.get_final_response().output_text


CALLS = {call.__name__: call for call in (chat, chat_stream, response)}


def outcome(asked, client):
    began = time.monotonic()
    try:
        result = {"value": CALLS[asked["call"]](client, asked["request"])}
    except Exception as error:
        # Not all that a caller meets is an APIError.
        status = getattr(error, "status_code", None)
        result = {"error": type(error).__name__, "status": status, "message": str(error)}
    return {**result, "seconds": time.monotonic() - began}


def side_by_side(calls):
    with openai.DefaultHttpxClient() as shared, ThreadPoolExecutor(12) as threads:
        clients = [
            openai.OpenAI(
                base_url=asked["url"],
                api_key=asked["key"],
                timeout=asked["timeout"],
                max_retries=asked["retries"],
                http_client=shared,
            )
            for asked in calls
        ]
        return list(threads.map(outcome, calls, clients))


print(json.dumps({"value": openai.__version__}), flush=True)
for line in sys.stdin:
    print(json.dumps(side_by_side(json.loads(line))), flush=True)
