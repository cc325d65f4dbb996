/** Some seconds of `make fuzz`, without its bounds on time: this machine may do anything else meanwhile. */
import { expect, it } from '@jest/globals';
import { fuzzOperatorApart } from './main.ts';
import { fuzzOperatorPorts } from './operatorPorts.ts';
import { fuzzPod } from './pod.ts';

const SEED = 20_261_122;
const SECONDS = 6;
const MIB = 1024 * 1024;

it('the operator bears whatever tenants write and pods say, with a heap of 256 MB', async () => {
  const { inputs, grownBytes } = await fuzzOperatorApart(SEED, SECONDS);
  expect(inputs).toBeGreaterThan(50);
  expect(grownBytes).toBeLessThan(32 * MIB);
}, 60_000);

it('an operator bears what strangers send to its ports, and stays ready', async () => {
  const { inputs, grownBytes } = await fuzzOperatorPorts(SEED, SECONDS / 2);
  expect(inputs).toBeGreaterThan(10);
  expect(grownBytes).toBeLessThan(32 * MIB);
}, 60_000);

it('a runtime bears whatever clients, models, MCP servers and links send, and serves on', async () => {
  const { inputs, grownBytes } = await fuzzPod(SEED, SECONDS);
  expect(inputs).toBeGreaterThan(50);
  expect(grownBytes).toBeLessThan(32 * MIB);
}, 90_000);
