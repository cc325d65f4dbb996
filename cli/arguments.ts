import { parseArgs } from 'node:util';

export const USAGE = `Usage: breakwater COMMAND -f PATH

Commands
  local     run the agents of the manifests at PATH on this computer, with no cluster
  render    print the objects that the operator would make of them

Options
  -f, --filename PATH   a manifest, or a directory with manifests (.yaml, .yml, .json)
      --simulate        local: simulated models in place of all endpoints, so that no key is needed
      --port PORT       local: port of the first agent; others take the next that are free (8080)
      --image IMAGE     render: image of the runtime for agents without spec.image
      --version         print the version
  -h, --help            print this
`;

const DEFAULT_PORT = 8080;

/** The image that render shows when none is given. */
const DEFAULT_IMAGE = 'breakwater-runtime';

export type Command =
  | { name: 'help' | 'version' }
  | { name: 'local'; path: string; simulate: boolean; port: number }
  | { name: 'render'; path: string; image: string };

/** What the command line asks for. Throws an Error that says what to write instead. */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      filename: { type: 'string', short: 'f' },
      simulate: { type: 'boolean', default: false },
      port: { type: 'string', default: String(DEFAULT_PORT) },
      image: { type: 'string', default: DEFAULT_IMAGE },
      version: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.version) return { name: 'version' };
  const [name, ...more] = positionals;
  if (values.help || name === undefined || name === 'help') return { name: 'help' };
  if (name !== 'local' && name !== 'render') {
    throw new Error(`${name} is no command; write local or render`);
  }
  if (more.length > 0) throw new Error(`${more[0]} is too much; write paths as -f PATH`);
  const { filename: path } = values;
  if (path === undefined)
    throw new Error(`say where the manifests are: breakwater ${name} -f PATH`);
  return name === 'render'
    ? { name, path, image: values.image }
    : { name, path, simulate: values.simulate, port: portOf(values.port) };
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error(`--port is ${text}; it must be a whole number from 1 to 65535`);
}
