import { expect, it } from '@jest/globals';
import { errorIn } from './programEnd.ts';

const NODE = `listening on 8000
file:///app/src/orders.js:12
    throw new TypeError(\`secret \${key}\`);
          ^

TypeError: secret sk-ant-123
    at find (file:///app/src/orders.js:12:11)
    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)
    at async main (file:///app/src/main.js:3:1)

Node.js v24.1.0
`;

const PYTHON = `Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    run()
  File "/app/orders.py", line 41, in run
    raise KeyError("secret")
KeyError: 'secret'
`;

const CUSTOM = `Traceback (most recent call last):
  File "/app/main.py", line 7, in <module>
psycopg.errors.OperationalError: password authentication failed
`;

const JAVA = `Exception in thread "main" java.lang.IllegalStateException: secret
\tat com.example.Orders.find(Orders.java:41)
`;

it.each([
  ['Node.js', NODE, 'TypeError at orders.js:12'],
  ['Python', PYTHON, 'KeyError at orders.py:41'],
  ['an error of a package', CUSTOM, 'psycopg.errors.OperationalError at main.py:7'],
  ['lines without a class', 'killed by the gardener\n', undefined],
  ['a class with more than names', 'Te<b>Error: x\n', undefined],
  ['a line that only mentions one', 'retrying after Error: x\n', undefined],
  ['Java, whose first line is another form', JAVA, undefined],
])('names class, file and line, and no other text, of %s', (_, lines, expected) => {
  expect(errorIn(lines)).toBe(expected);
});

it('bounds what a hostile program writes', () => {
  const lines = `${'A'.repeat(3000)}Error: x\n    at f (/${'b'.repeat(3000)}.js:1:1)\n`;
  expect(errorIn(lines)!.length).toBeLessThan(150);
});
