import asyncio
import unittest

from breakwater_agent import BreakwaterError, ToolError

import program


class FindOrder(unittest.TestCase):
    """Without a runtime, nothing is tracked or cached, and the audit says that there is none."""

    def test_an_order_is_found(self):
        order = asyncio.run(program.lookup("7"))
        self.assertEqual(order, {"id": "7", "state": "sent"})

    def test_the_model_is_told_of_an_order_that_is_not_there(self):
        with self.assertRaisesRegex(ToolError, "No order 8."):
            asyncio.run(program.find_order("8"))

    def test_the_audit_needs_a_runtime(self):
        with self.assertRaisesRegex(BreakwaterError, "NoRuntime"):
            asyncio.run(program.find_order("7"))


if __name__ == "__main__":
    unittest.main()
