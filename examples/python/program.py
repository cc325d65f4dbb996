"""What runs beside the agent's runtime: it offers the model a tool, and says whether it works."""

from breakwater_agent import ToolError, agent, cached, track_performance

from orders import find


# Each call is timed under the name "lookup", and results are kept for a minute.
@cached(ttl=60)
@track_performance("lookup")
async def lookup(id: str):
    return await find(id)


@agent.tool("find_order")
async def find_order(id: str):
    """Finds an order."""
    order = await lookup(id)
    if not order:
        raise ToolError(f"No order {id}.")
    await agent.audit("DataAccess", actor=agent.client(), action="order.read", resource=id)
    return order


async def works():
    return await find("1") is not None


agent.health("orders", works)
agent.on_shutdown("orders", lambda: print("The program ends."))

if __name__ == "__main__":
    agent.run()
