import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { run, succeeds, which } from '../cluster/common/command.ts';
import { networkExists, NODE_ADDRESS } from '../cluster/local/network.ts';

const NEIGHBOUR = 'bw-neighbour';
const ip = (...args: string[]): Promise<string> => run(which('ip')!, args);
const inside = (...args: string[]): Promise<string> => ip('netns', 'exec', NEIGHBOUR, ...args);

/** Only the local cluster is in the network of this machine. */
const local = networkExists();

/** Another host of the network, which knows where the cluster is. */
beforeAll(async () => {
  if (!local) return;
  await ip('netns', 'add', NEIGHBOUR);
  await ip('link', 'add', NEIGHBOUR, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NEIGHBOUR);
  await ip('address', 'add', '198.51.100.1/30', 'dev', NEIGHBOUR);
  await ip('link', 'set', NEIGHBOUR, 'up');
  await inside('ip', 'address', 'add', '198.51.100.2/30', 'dev', 'eth0');
  await inside('ip', 'link', 'set', 'eth0', 'up');
  await inside('ip', 'route', 'add', 'default', 'via', '198.51.100.1');
});

afterAll(async () => {
  if (!local) return;
  await succeeds(which('ip')!, ['link', 'delete', NEIGHBOUR]);
  await succeeds(which('ip')!, ['netns', 'delete', NEIGHBOUR]);
});

const CONNECT = `
  const socket = require('net').connect({ host: '${NODE_ADDRESS}', port: 6443, timeout: 2000 });
  const end = (word) => { process.stdout.write(word); process.exit(0); };
  socket.on('connect', () => end('open')).on('error', () => end('closed')).on('timeout', () => end('closed'));
`;

it('this machine reaches the API server of a local cluster, and other hosts do not', async () => {
  if (!local) return;
  expect(await run(process.execPath, ['-e', CONNECT])).toBe('open');
  expect(await inside(process.execPath, '-e', CONNECT)).toBe('closed');
});
