import { PROGRAM } from '../../contract/link.ts';
import type { ProgramStatus as ReportedProgram } from '../../contract/generated/types.ts';
import type { AgentDeployment, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { count, list, sentences } from '../desired/common/wording.ts';
import { PROGRAM_CONTAINER } from '../desired/objects/programTemplate.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation, PodObservation, ProgramObservation } from './observations.ts';
import { reportedText } from './reported.ts';

const TYPE = 'ProgramReady';
const MAX_TEXT = 256;

type ProgramStatus = NonNullable<AgentDeploymentStatus['program']>;

/** What a runtime needs for a program; see runtime/guard/supported.ts. */
const FEATURE = `Dependency.${PROGRAM}`;

/** The program in status; empty without one. */
export function programOf(
  { spec }: AgentDeployment,
  observation: AgentObservation,
  desired: number,
): Pick<AgentDeploymentStatus, 'program'> {
  if (spec.program === undefined) return {};
  const pods = livePods(observation);
  const tools = pods.flatMap((pod) => reportedProgram(pod).tools ?? []);
  const [end] = ends(pods);
  return {
    program: {
      image: spec.program.image,
      ready: readyPrograms(pods, desired),
      restarts: pods.reduce((sum, { program }) => sum + (program?.restarts ?? 0), 0),
      ...(tools.length > 0 && { tools: Math.max(...tools) }),
      ...(end && { lastEnd: shownEnd(end) }),
    },
  };
}

function readyPrograms(pods: readonly PodObservation[], desired: number): string {
  return `${pods.filter(({ program }) => program?.ready).length}/${desired}`;
}

type End = NonNullable<ProgramObservation['lastEnd']>;

/** The latest first. */
function ends(pods: readonly PodObservation[]): End[] {
  const all = pods.flatMap(({ program }) => program?.lastEnd ?? []);
  return all.sort((a, b) => (a.at < b.at ? 1 : -1));
}

const shownEnd = ({ exitCode, reason, error }: End): NonNullable<ProgramStatus['lastEnd']> => ({
  exitCode,
  reason,
  ...(error !== undefined && { error }),
});

/** Why the program of a pod is not ready, or not as it should be. */
interface Fault {
  reason: string;
  /** Begins a sentence. */
  message: string;
}

/** The condition ProgramReady; empty without a program. */
export function programReady(
  agent: AgentDeployment,
  observation: AgentObservation,
  desired: number,
): ConditionDraft[] {
  if (agent.spec.program === undefined) return [];
  const pods = livePods(observation);
  const share = `The program is ready in ${readyPrograms(pods, desired)} pods.`;
  const faults = pods.flatMap((pod) => faultOf(agent, pod).map((fault) => ({ pod, ...fault })));
  if (pods.length === 0) {
    return [{ type: TYPE, status: 'Unknown', reason: 'Unknown', message: share }];
  }
  // A rollout starts a pod before it stops another one.
  const starts = faults.every(({ reason }) => reason === STARTING);
  const ready = pods.filter(({ program }) => program?.ready).length;
  if (starts && (faults.length === 0 || ready >= desired)) {
    return [{ type: TYPE, status: 'True', reason: 'Ready', message: share }];
  }
  const worst = [...faults].sort((a, b) => RANK.indexOf(a.reason) - RANK.indexOf(b.reason))[0]!;
  const groups = [...Map.groupBy(faults, ({ message }) => message)].slice(0, 3);
  const messages = groups.map(
    ([message, those]) => `Pod ${list(those.map(({ pod }) => pod.name))}: ${message}`,
  );
  const message = sentences([share, ...messages]);
  return [{ type: TYPE, status: 'False', reason: worst.reason, message }];
}

/** Reason of the condition while programs have not answered yet. */
export const STARTING = 'Starting';

/** The gravest first. */
const RANK = [
  'UnsupportedByRuntime',
  'PortTaken',
  'ProgramImage',
  'ProgramNotCreated',
  'ProgramOutOfMemory',
  'ProgramCrashed',
  'ProgramSilent',
  'ProgramExposed',
  STARTING,
];

function faultOf(agent: AgentDeployment, pod: PodObservation): Fault[] {
  const { features, program } = pod;
  if (features.length > 0 && !features.includes(FEATURE)) return [UNSUPPORTED];
  const { portTaken, exposed, state } = reportedProgram(pod);
  if (portTaken !== undefined) return [taken(agent, portTaken)];
  if (program && !program.ready) return [notReady(pod, program, state)];
  if (exposed === true) return [EXPOSED];
  return state === 'Silent' ? [SILENT] : [];
}

/** The program as the runtime of a connected pod sees it. */
function reportedProgram({ connected, snapshot }: PodObservation): Partial<ReportedProgram> {
  return connected ? (snapshot?.program ?? {}) : {};
}

const UNSUPPORTED: Fault = {
  reason: 'UnsupportedByRuntime',
  message:
    'the runtime is too old for a program; roll out a newer image, by spec.image where it is set',
};

const EXPOSED: Fault = {
  reason: 'ProgramExposed',
  message:
    'the program listens on an address of the pod, where clients pass by the runtime and spec.auth; let it listen on HOST (127.0.0.1), not on 0.0.0.0',
};

const SILENT: Fault = {
  reason: 'ProgramSilent',
  message: `the program does not answer; it is restarted after a minute of silence. Its log may say why (kubectl logs --container ${PROGRAM_CONTAINER})`,
};

const NOT_YET: Fault = {
  reason: STARTING,
  message: 'the program has not answered yet; it must listen on 127.0.0.1, port PORT',
};

function taken({ spec }: AgentDeployment, port: number): Fault {
  return {
    reason: 'PortTaken',
    message: `the program listens on port ${port}, which is the runtime's; let it listen on PORT (${spec.program!.port}) alone`,
  };
}

function notReady(
  { name, waiting }: PodObservation,
  { restarts, lastEnd }: ProgramObservation,
  state: ReportedProgram['state'] | undefined,
): Fault {
  const own = waiting?.container === PROGRAM_CONTAINER ? waiting : undefined;
  if (own && own.reason !== 'CrashLoopBackOff') return notStarted(own);
  if (lastEnd && (own || state !== 'Silent')) return ended(name, restarts, lastEnd);
  return state === 'Silent' ? SILENT : NOT_YET;
}

function notStarted({ reason, message = '' }: NonNullable<PodObservation['waiting']>): Fault {
  const ofImage = /Image|Registry/.test(reason);
  const what = ofImage ? 'the image of the program cannot be run' : 'the program cannot start';
  const why = reportedText(message, MAX_TEXT);
  return {
    reason: ofImage ? 'ProgramImage' : 'ProgramNotCreated',
    message: `${what} (${reason}${why === '' ? '' : `: ${why}`})`,
  };
}

function ended(pod: string, restarts: number, { exitCode, reason, error }: End): Fault {
  const restarted = restarts === 0 ? '' : `, and was restarted ${count(restarts, 'time')}`;
  const log = `kubectl logs ${pod} --container ${PROGRAM_CONTAINER} --previous shows its last lines`;
  if (reason === 'OOMKilled') {
    return {
      reason: 'ProgramOutOfMemory',
      message: `the program took more memory than its limit and was killed${restarted}; raise spec.program.resources.limits.memory, or let it use less`,
    };
  }
  const what = error === undefined ? reason : `${reason}, ${error}`;
  return {
    reason: 'ProgramCrashed',
    message: `the program ended with exit code ${exitCode} (${what})${restarted}; ${log}`,
  };
}
