"""The program's tools as an MCP server without sessions."""

import functools
import inspect
import json
import traceback
from typing import Any, Callable

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult

from .errors import ToolError, class_of

# Set in `_meta` of a result by which the tool itself has failed; its value is the class of the error.
THROWN = "breakwater.dev/thrown"


class Tools:
    def __init__(self) -> None:
        self._server = MCPServer("program", log_level="WARNING")
        self.names: list[str] = []

    def add(self, name: str, function: Callable) -> None:
        if name in self.names:
            raise ValueError(f"There is a tool {name} already: give this one another name.")

        @functools.wraps(function)
        async def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(*args, **kwargs)
                return _result(as_text(await result if inspect.isawaitable(result) else result))
            except ToolError as error:
                return _result(str(error), isError=True)
            except Exception as error:
                traceback.print_exc()
                # The message could have what the model must not know.
                text = f"{name} has failed ({class_of(error)})."
                return _result(text, isError=True, _meta={THROWN: class_of(error)})

        description = inspect.getdoc(function) or name
        self._server.add_tool(call, name=name, description=description, structured_output=False)
        self.names.append(name)

    def app(self, path: str) -> Any:
        return self._server.streamable_http_app(
            streamable_http_path=path, stateless_http=True, json_response=True
        )


def _result(text: str, **more: Any) -> CallToolResult:
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}], **more})


def as_text(result: Any) -> str:
    return result if isinstance(result, str) else json.dumps(result, default=str)
