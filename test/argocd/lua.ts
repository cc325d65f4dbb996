import { join } from 'node:path';
import type { KubernetesObject } from '../../crds/meta.ts';
import { run } from '../cluster/common/command.ts';
import { ROOT } from '../kit/platform.ts';
import { argoCdBinaries } from './program.ts';

/** What `kubectl patch configmap argocd-cm` is given. */
export const SETTINGS = join(ROOT, 'config/argocd/argocd-cm.yaml');

export interface Health {
  status: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended' | 'Missing' | 'Unknown';
  message?: string;
}

export interface Action {
  name: string;
  disabled?: boolean;
  displayName?: string;
  iconClass?: string;
  params?: { name: string; type?: string; default?: string }[];
}

export type Question =
  | { ask: 'health' | 'actions'; object: KubernetesObject }
  | { ask: 'run'; object: KubernetesObject; action: string; parameters?: Record<string, string> };

/** One of them, by what was asked; `error` in place of it when Argo CD could not answer. */
export interface Answer {
  health?: Health;
  actions?: Action[];
  /** The merge patch by which Argo CD brings about what an action returns. */
  patch?: Record<string, unknown>;
  error?: string;
}

/** What Argo CD's own Lua VM makes of objects under the settings of config/argocd. */
export async function askArgoCd(
  questions: readonly Question[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Answer[]> {
  const program = join(await argoCdBinaries(), 'argocd');
  const input = questions.map((question) => JSON.stringify(question)).join('\n');
  const env = { ...process.env, ...environment };
  const lines = (await run(program, ['lua', SETTINGS], { input, env })).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Answer);
}
