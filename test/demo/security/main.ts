/** `make demo-security`: attacks an agent on a real cluster. CLUSTER chooses the cluster; see test/cluster. */
import { columns } from '../../../cli/view/columns.ts';
import type { Narrator } from '../narrator.ts';
import { NAMESPACE } from '../scene.ts';
import { perform } from '../perform.ts';
import type { Withstood } from './attacks.ts';
import {
  allIsWell,
  keyLeaks,
  keysGuessed,
  modelLoops,
  resultInjects,
  toolChanges,
} from './attacks.ts';
import { alertFires, auditProves, auditTells, statusTells } from './evidence.ts';
import { AGENT, type SecurityScene } from './scene.ts';
import { setUp } from './setup.ts';

async function play(scene: SecurityScene): Promise<Withstood[]> {
  await allIsWell(scene);
  const attacks = [
    await keysGuessed(scene),
    await resultInjects(scene),
    await toolChanges(scene),
    await keyLeaks(scene),
    await modelLoops(scene),
  ];
  await statusTells(scene, attacks);
  await alertFires(scene);
  await auditTells(scene, attacks);
  await auditProves(scene);
  return attacks;
}

function sum(narrator: Narrator, attacks: readonly Withstood[]): void {
  narrator.step('Summary');
  const rows = attacks.map(({ attack, type, answer }) => ({
    level: 'ok' as const,
    cells: [attack, type, answer],
  }));
  narrator.lines(columns(rows, { head: ['ATTACK', 'INCIDENT', 'ANSWER'], width: Infinity }));
  narrator.good(`told by status, Events, an alert and the audit, in ${narrator.elapsed()}`);
}

const IDEAS = [
  `kubectl describe agd ${AGENT} -n ${NAMESPACE}   # status.security, and Events`,
  `kubectl breakwater audit ${AGENT} -n ${NAMESPACE} --outcome Denied   # with cli/breakwater.js on the PATH as kubectl-breakwater`,
  `kubectl edit agd ${AGENT} -n ${NAMESPACE}   # another list of security.responses lifts the block`,
  'make demo-security   # again, at any time',
  'make down   # removes all of it',
];

await perform('make demo-security', IDEAS, async (platform, narrator) => {
  const scene = await setUp(platform, narrator);
  try {
    sum(narrator, await play(scene));
  } finally {
    await scene.model.setFault(undefined).catch(() => undefined);
    await scene.tools.setTexts({}).catch(() => undefined);
    scene.pod.close();
    await scene.api.close();
  }
});
