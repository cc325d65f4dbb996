import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { SealedEvent } from '../../contract/audit.ts';
import { Narrator } from '../demo/narrator.ts';
import {
  allIsWell,
  keyLeaks,
  keysGuessed,
  modelLoops,
  resultInjects,
  toolChanges,
} from '../demo/security/attacks.ts';
import { alertFires, auditProves, auditTells, statusTells } from '../demo/security/evidence.ts';
import { AGENT, KEYS, type SecurityScene } from '../demo/security/scene.ts';
import type { Pod } from '../kit/agents.ts';
import { isReady, restarts } from '../kit/agents.ts';
import { killContainer } from '../kit/kill.ts';
import { ROOT } from '../kit/platform.ts';
import { plugin } from '../kit/plugin.ts';
import { waitFor } from '../kit/wait.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(120_000);

const FILES = { maxBytes: 65_536, maxFiles: 3 };
/** Prints the agent's audit files in a pod as JSON, by their names. */
const PRINT_FILES = `
  const fs = require('fs');
  const directory = '/var/log/breakwater/audit/' + require('os').hostname();
  const files = fs.readdirSync(directory).sort().map((name) => [name, fs.readFileSync(directory + '/' + name, 'utf8')]);
  process.stdout.write(JSON.stringify(files));
`;

describe('the agent of config/samples/guarded', () => {
  let sandbox: Sandbox;
  let scene: SecurityScene;

  beforeAll(async () => {
    sandbox = await Sandbox.open('attacks');
    const [model, tools, stranger] = await Promise.all([
      sandbox.model('model', 9661),
      sandbox.tools('office', 9662),
      sandbox.traffic('stranger', 9663),
    ]);
    const sample = (await readFile(`${ROOT}config/samples/guarded/agent.yaml`, 'utf8'))
      .replaceAll('http://model.breakwater-demo.svc', model.baseURL)
      .replaceAll('http://office.breakwater-demo.svc:9011', tools.baseURL)
      .replace(
        'file: {}',
        `{ file: ${JSON.stringify(FILES)}, otlp: { url: '${tools.baseURL}/events' } }`,
      );
    await sandbox.apply(
      ...parseAllDocuments(sample).map((document) => document.toJS() as Record<string, unknown>),
    );
    await sandbox.agents.waitForAgent(AGENT);
    scene = {
      narrator: new Narrator({ write: () => true }, sandbox.kubectl, false),
      ...{ kubectl: sandbox.kubectl, api: sandbox.api, agents: sandbox.agents },
      ...{ namespace: sandbox.namespace, model: model.control, tools: tools.control, stranger },
      pod: (await sandbox.ways(AGENT))[0]!,
    };
    const url = sandbox.url(AGENT);
    await waitFor(
      'the Service answers',
      () => stranger.burst({ url, count: 1, timeoutMs: 2000, apiKey: KEYS.alice }),
      ({ outcomes }) => outcomes['200'] === 1,
    );
  });

  afterAll(() => sandbox.close());

  it('withstands the attacks of make demo-security, and reports them', async () => {
    await allIsWell(scene);
    const attacks = [
      await keysGuessed(scene),
      await resultInjects(scene),
      await toolChanges(scene),
      await keyLeaks(scene),
      await modelLoops(scene),
    ];
    const { responses } = await statusTells(scene, attacks);
    expect(responses).toMatchObject([{ action: 'Block', type: 'BruteForceAttack', pods: 1 }]);
    await alertFires(scene);
    await auditTells(scene, attacks);
    await auditProves(scene);
  });

  const podNow = async (): Promise<Pod> =>
    sandbox.api.get<Pod>('pods', sandbox.namespace, scene.pod.pod);

  async function filesInPod(): Promise<[name: string, text: string][]> {
    const exec = ['exec', '-n', sandbox.namespace, scene.pod.pod, '--'];
    const printed = await sandbox.kubectl.run([...exec, '/nodejs/bin/node', '-e', PRINT_FILES]);
    return JSON.parse(printed) as [string, string][];
  }

  const eventsIn = (files: [string, string][]): SealedEvent[] =>
    files.flatMap(([, text]) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as SealedEvent),
    );

  it('keeps its audit in rotating files, and delivers it despite a restart of the container', async () => {
    await scene.tools.setStatus(503);
    const before = eventsIn(await filesInPod()).at(-1)!.time;
    for (let sent = 0; sent < 20; sent += 1) {
      await scene.pod.send({ headers: { 'x-api-key': KEYS.bob } });
    }
    const undelivered = await waitFor(
      'the requests are in the file',
      async () => eventsIn(await filesInPod()).filter(({ time }) => time > before),
      (events) => events.length >= 20,
    );
    await killContainer(sandbox, await podNow(), 'agent');
    await waitFor(
      'the container runs again',
      podNow,
      (pod) => isReady(pod) && restarts([pod])[scene.pod.pod] === 1,
      { timeoutMs: 60_000 },
    );
    await scene.tools.setStatus(undefined);
    const ids = undelivered.map(({ metadata }) => metadata.uid!);
    const { events } = await waitFor(
      'what was recorded before the restart has arrived',
      () => scene.tools.record(),
      (record) => ids.every((id) => record.events.includes(id)),
    );
    // Events arrive in order, and at least once.
    const arrived = ids.map((id) => events.indexOf(id));
    expect(arrived).toEqual(arrived.toSorted((a, b) => a - b));

    const files = await filesInPod();
    expect(files.map(([name]) => name)).toEqual([
      expect.stringMatching(/^audit-\d{8}\.jsonl$/),
      expect.stringMatching(/^audit-\d{8}\.jsonl$/),
      'audit.jsonl',
    ]);
    for (const [, text] of files) expect(text.length).toBeLessThan(2 * FILES.maxBytes);
    // Chains of both processes. The second continues the first.
    const directory = await mkdtemp(join(tmpdir(), 'audit-'));
    try {
      const paths = files.map(([name]) => join(directory, name));
      await Promise.all(files.map(([, text], at) => writeFile(paths[at]!, text)));
      const { text } = await plugin(sandbox.kubectl.environment, ['audit', 'verify', ...paths]);
      expect(text).toMatch(/ events of 2 chains: whole/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
