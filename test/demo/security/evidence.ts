import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PORTS } from '../../../contract/link.ts';
import { buildAlerts } from '../../../operator/desired/objects/alerts.ts';
import { parseMetrics } from '../../kit/metrics.ts';
import { waitFor } from '../../kit/wait.ts';
import { mustShow } from '../narrator.ts';
import type { Withstood } from './attacks.ts';
import { AGENT, showPlugin, type Security, type SecurityScene } from './scene.ts';

/** Shows all attacks in `kubectl get` and in Events. */
export async function statusTells(
  { narrator, agents, api, namespace }: SecurityScene,
  attacks: readonly Withstood[],
): Promise<Security> {
  narrator.step('What kubectl shows of it');
  const { status } = await waitFor(
    'status counts an incident of each type',
    () => agents.agent(AGENT),
    (agent) => attacks.every(({ type }) => counts(agent.status?.security).has(type)),
  );
  const table = await narrator.kubectl(`get agd ${AGENT} -n ${namespace} -o wide`);
  mustShow(/THREAT +INCIDENTS/.test(table), 'The table must have THREAT and INCIDENTS');
  const security = status!.security!;
  mustShow(table.includes(security.level), `The table must show ${security.level}`);
  await waitFor(
    'an Event for each type of incident',
    () => api.list<IncidentEvent>('events', namespace),
    (events) =>
      attacks.every(({ type }) =>
        events.some(
          ({ reason, note, regarding }) =>
            reason === 'SecurityIncident' && regarding?.name === AGENT && note?.includes(type),
        ),
      ),
  );
  await narrator.kubectl(
    `events -n ${namespace} --for agentdeployment.v1alpha1.breakwater.dev/${AGENT} --types=Warning`,
  );
  return security;
}

interface IncidentEvent {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  reason?: string;
  note?: string;
  regarding?: { name?: string };
}

function counts(security: Security | undefined): Set<string> {
  return new Set((security?.counts ?? []).map(({ type }) => type));
}

/** Evaluates the condition of the alert on the metrics of the pod. */
export async function alertFires(scene: SecurityScene): Promise<void> {
  const { narrator, agents, kubectl, namespace, pod } = scene;
  narrator.step('The alert');
  const rule = buildAlerts(await agents.agent(AGENT)).find(
    ({ alert }) => alert === 'SecurityIncident',
  )!;
  narrator.say(`The agent's PrometheusRule has ${rule.alert} (severity ${rule.labels.severity}):`);
  narrator.lines([`  ${rule.expr}`]);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod.pod}:${PORTS.metrics}/proxy/metrics`;
  const text = await kubectl.run(['get', '--raw', path]);
  const shown = text.split('\n').filter((line) => /^security_(incidents|responses)_/.test(line));
  narrator.show(
    `kubectl get --raw ${path} | grep ^security_`,
    shown.filter((line) => !line.endsWith(' 0')).join('\n'),
  );
  const grave = parseMetrics(text).filter(
    ({ name, labels, value }) =>
      name === 'security_incidents_open' && /^(High|Critical)$/.test(labels.level!) && value > 0,
  );
  mustShow(grave.length > 0, 'An incident of level High or Critical must be open');
  const what = grave.map(({ labels, value }) => `level ${labels.level}: ${value} open`).join(', ');
  narrator.good(`so it fires: ${what}. ${rule.annotations.runbook} says what to do`);
}

/** Shows who did what in the audit. */
export async function auditTells(
  scene: SecurityScene,
  attacks: readonly Withstood[],
): Promise<void> {
  scene.narrator.step('Who did what: the audit');
  const incidents = await showPlugin(scene, `audit ${AGENT} --type SecurityIncident --limit 12`);
  mustShow(
    attacks.every(({ type }) => incidents.text.includes(type)),
    'The audit must have a finding for each type of incident',
  );
  const bob = await showPlugin(scene, `audit ${AGENT} --actor bob --type ToolCalled --limit 5`);
  mustShow(/find_order|ToolCalled/.test(bob.text), 'The audit must have the calls of the tool');
  scene.narrator.good(
    'each event is OCSF 1.8: who, from where, what, and what came of it; never a prompt or a key',
  );
}

/** Verifies the audit, and then a copy with one changed byte. */
export async function auditProves(scene: SecurityScene): Promise<void> {
  const { narrator, kubectl, namespace, pod } = scene;
  narrator.step('Can the audit be trusted?');
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-audit-'));
  try {
    const file = join(directory, 'audit.jsonl');
    const log = await kubectl.run(['logs', '-n', namespace, pod.pod]);
    await writeFile(file, log);
    narrator.show(`kubectl logs -n ${namespace} ${pod.pod} > audit.jsonl`, '');
    const args = ['audit', 'verify', file, '--agent', AGENT];
    const line = `audit verify audit.jsonl --agent ${AGENT}`;
    const whole = await showPlugin(scene, line, args);
    mustShow(whole.status === 0 && whole.text.includes(': whole'), 'The audit must be whole');
    narrator.good(
      'no event was changed, dropped or moved, and none is missing that the operator has seen',
    );
    narrator.say('The guesser gets at the file, and has one of the guesses come from next door:');
    const { text, where, before, after } = forged(await readFile(file, 'utf8'));
    await writeFile(file, text);
    narrator.lines([`  line ${where}, one byte: "ip":"${before}" becomes "ip":"${after}"`]);
    const changed = await showPlugin(scene, line, args);
    mustShow(
      changed.status === 1 && changed.text.includes(`CHANGED  audit.jsonl:${where}`),
      `verify must name line ${where}; it said: ${changed.text}`,
    );
    narrator.good('it shows, and where; the command ends with 1');
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The audit with one changed digit in an address. */
function forged(text: string): { text: string; where: number; before: string; after: string } {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => line.includes('"event_code":"AuthenticationFailed"'));
  const [, before = ''] = /"ip":"([\d.]+)"/.exec(lines[at] ?? '') ?? [];
  mustShow(before !== '', 'The audit must have a guess with its address');
  const after = `${before.slice(0, -1)}${(Number(before.at(-1)) + 1) % 10}`;
  lines[at] = lines[at]!.replace(`"ip":"${before}"`, `"ip":"${after}"`);
  return { text: lines.join('\n'), where: at + 1, before, after };
}
