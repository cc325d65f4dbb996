/** `make fuzz`: the operator and a runtime over inputs that follow from a seed. Prints figures; fails beyond their bars. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Fuzzed } from './operator.ts';
import { fuzzOperatorPorts } from './operatorPorts.ts';
import { fuzzPod } from './pod.ts';

const { FUZZ_SEED, FUZZ_SECONDS = '60' } = process.env;
const seed = Number(FUZZ_SEED ?? Math.floor(Date.now() / 1000));
const seconds = Number(FUZZ_SECONDS);

const BARS = { inputs: 10_000, operatorMs: 100, podMs: 250, memoryPercent: 110 };
/** Least inputs of each of the two, whatever time that takes. */
const LEAST = BARS.inputs / 2;

/** With a small heap, which would end the process where memory is not bounded. */
export async function fuzzOperatorApart(of: number, forSeconds: number): Promise<Fuzzed> {
  const flags = ['--expose-gc', '--max-old-space-size=256'];
  const program = join(import.meta.dirname, 'operator.ts');
  const child = spawn(process.execPath, [...flags, program, String(of), String(forSeconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`the operator ended with ${String(code)} over seed ${of}`);
  return JSON.parse(text) as Fuzzed;
}

/** Rounds with one seed after another until there were so many inputs; the worst of each figure. */
async function rounds(fuzz: (of: number, forSeconds: number) => Promise<Fuzzed>): Promise<Fuzzed> {
  const all: Fuzzed[] = [];
  const inputs = (): number => all.reduce((sum, each) => sum + each.inputs, 0);
  while (inputs() < LEAST) all.push(await fuzz(seed + all.length, seconds));
  const [worst] = all.toSorted((a, b) => b.longestHoldMs - a.longestHoldMs);
  const [grown] = all.toSorted((a, b) => percentOf(b) - percentOf(a));
  const { grownBytes, startBytes } = grown!;
  return { ...worst!, inputs: inputs(), grownBytes, startBytes };
}

/** The memory at the end in percent of that at the start. */
function percentOf({ grownBytes, startBytes }: Fuzzed): number {
  return 100 + (100 * grownBytes) / startBytes;
}

function figure(name: string, value: number, unit: string): void {
  process.stdout.write(`figure fuzz_${name} ${Math.round(value * 10) / 10} ${unit}\n`);
}

if (import.meta.main) {
  process.stdout.write(`FUZZ_SEED=${seed}\n`);
  const ports = await fuzzOperatorPorts(seed, seconds / 4);
  const operator = await rounds(fuzzOperatorApart);
  const pod = await rounds(fuzzPod);
  const percent = Math.max(...[ports, operator, pod].map(percentOf));
  const [worst] = [ports, operator].toSorted((a, b) => b.longestHoldMs - a.longestHoldMs);
  figure('inputs', ports.inputs + operator.inputs + pod.inputs, 'inputs');
  figure('longest_hold_operator', worst!.longestHoldMs, 'ms');
  figure('longest_hold_pod', pod.longestHoldMs, 'ms');
  figure('memory', percent, 'percent');
  process.stdout.write(`The operator was held longest by ${worst!.longest}.\n`);
  const kept =
    worst!.longestHoldMs <= BARS.operatorMs &&
    pod.longestHoldMs <= BARS.podMs &&
    percent <= BARS.memoryPercent;
  if (!kept) process.exitCode = 1;
}
