import type { Kubectl } from '../kit/kubectl.ts';
import { helm, OPERATOR_NAMESPACE } from '../kit/platform.ts';

const DEFINITIONS = [
  'agentdeployments.breakwater.dev',
  'circuitbreakerpolicies.breakwater.dev',
  'ratelimitpolicies.breakwater.dev',
];

/** @throws Error when the cluster has Breakwater: the story would take its definitions back */
export async function requireNone(kubectl: Kubectl): Promise<void> {
  const found = await kubectl.run([
    'get',
    'crd',
    ...DEFINITIONS,
    '--ignore-not-found',
    '-o',
    'name',
  ]);
  if (found.trim() === '') return;
  throw new Error(
    'this cluster has Breakwater, and the story installs its first release: run make down first',
  );
}

/** Removes the release, the definitions and with them all agents and policies. */
export async function removeBreakwater(kubectl: Kubectl): Promise<void> {
  // First the agents, so that their objects go with them.
  await kubectl.run(['delete', 'crd', ...DEFINITIONS, '--ignore-not-found', '--timeout', '2m']);
  const release = ['breakwater', '--namespace', OPERATOR_NAMESPACE];
  await helm(kubectl, ['uninstall', ...release, '--ignore-not-found', '--wait']);
  await kubectl.run([
    'delete',
    'namespace',
    OPERATOR_NAMESPACE,
    '--ignore-not-found',
    '--timeout',
    '2m',
  ]);
}
