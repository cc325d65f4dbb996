"""A program in Python; program.ts does the same. Each path of its requests is a behaviour of the suite."""

import json

from breakwater_agent import ToolError, agent, cache, cached, collector, track_performance

calls = {"lookup": 0, "nothing": 0}


@cached(ttl=60)
@track_performance("lookup")
async def lookup(id: str):
    calls["lookup"] += 1
    return {"id": id}


@cached(ttl=60, priority="hot")
def nothing():
    calls["nothing"] += 1


@track_performance("fails")
def fails():
    raise ValueError("with a secret")


@agent.tool("find_order")
async def find_order(id: str):
    """Finds an order."""
    if id == "none":
        raise ToolError("No order none.")
    if id == "broken":
        raise ValueError("with a secret")
    await agent.audit("DataAccess", actor=agent.client(), action="order.read", resource=id)
    return await lookup(id)


def disk():
    raise OSError("full")


async def first():
    await agent.audit("Security", action="ended")


def second():
    raise ValueError("no")


agent.health("database", lambda: True, critical=True, every=1)
agent.health("disk", disk)
agent.on_shutdown("first", first)
agent.on_shutdown("second", second)


async def ask_cached():
    return [await lookup("7"), await lookup("7"), calls["lookup"]]


async def ask_nothing():
    return [nothing(), nothing(), calls["nothing"]]


async def ask_fails():
    try:
        fails()
    except ValueError as error:
        return str(error)


async def ask_cache():
    await cache.put("a b", {"x": 1}, ttl=5, priority="cold")
    found = await cache.get("a b")
    await cache.delete("a b")
    return [found, await cache.get("a b")]


async def ask_tiers():
    await cache.clear()
    await cache.put("first", 1, priority="hot")
    await cache.put("second", 2)
    tiers = (await cache.get_stats())["tiers"]
    return [tiers[tier]["entries"] for tier in ("hot", "warm", "cold")]


async def ask_summary():
    metrics = (await collector.get_all_metrics())["lookup"]
    summary = await collector.get_system_summary()
    return [metrics["task_count"], metrics["success_rate"], summary["total_failures"]]


async def ask_client():
    return agent.client()


async def ask_incident():
    return await agent.incident("PromptInjection", "High", client=agent.client())


async def ask_audited():
    return await agent.audited(actor="anna", limit=5)


async def ask_model():
    messages = [{"role": "user", "content": "Hi"}]
    async with agent.anthropic() as model:
        answer = await model.messages.create(model="any", max_tokens=9, messages=messages)
    return [block.model_dump(exclude_none=True) for block in answer.content]


BEHAVIOURS = {
    "cached": ask_cached,
    "nothing": ask_nothing,
    "fails": ask_fails,
    "performance": agent.performance,
    "cache": ask_cache,
    "tiers": ask_tiers,
    "summary": ask_summary,
    "client": ask_client,
    "incident": ask_incident,
    "audited": ask_audited,
    "model": ask_model,
}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("only http")
    behaviour = BEHAVIOURS.get(scope["path"][1:])
    if behaviour is None:
        raise ValueError("with a secret")
    try:
        answer = await behaviour()
    except Exception as error:
        answer = {"error": str(error)}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


agent.run(app)
