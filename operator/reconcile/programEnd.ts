import type { Pod } from '../kube/index.ts';

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];
type State = NonNullable<ContainerStatus['state']>;
export type Terminated = NonNullable<State['terminated']>;

/** Stands for the image in the status of a program's container that the cache keeps. Kubernetes never says so. */
const PROGRAM = 'program';

/** Whether this is what slimProgram has made, and no other container of the name program. */
export function isProgram({ image }: Pick<ContainerStatus, 'image'>): boolean {
  return image === PROGRAM;
}

const MAX_NAME = 64;
const CLASS =
  /^(?:Uncaught )?((?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception|Interrupt))(?::| \[|$)/;
const PLACES = [
  // Python: the call that failed is the last one.
  { pattern: /^\s*File "([^"]+)", line (\d+)/, last: true },
  // Node.js: the first call is the innermost; its own modules say nothing of the program.
  { pattern: /^\s+at .*?([^\s/(\\]+):(\d+):\d+\)?$/, last: false },
  // Java and others.
  { pattern: /^\s+at .*\(([\w.-]+):(\d+)\)$/, last: false },
] as const;

/**
 * Class, file and line of the error that ended a program, such as `TypeError at orders.js:12`, from the last lines of its
 * log; undefined if they name no class. Only letters of names get through, as programs are not trusted.
 */
export function errorIn(lines: string): string | undefined {
  const all = lines.split('\n').slice(-80);
  const name = all.findLast((line) => CLASS.test(line)) ?? '';
  const [, type] = CLASS.exec(name) ?? [];
  if (type === undefined) return undefined;
  const place = placeIn(all);
  return `${type.slice(-MAX_NAME)}${place === undefined ? '' : ` at ${place}`}`;
}

function placeIn(lines: readonly string[]): string | undefined {
  for (const { pattern, last } of PLACES) {
    const found = lines.filter((line) => pattern.test(line) && !line.includes('node:'));
    const line = last ? found.at(-1) : found[0];
    const [, file, number] = pattern.exec(line ?? '') ?? [];
    const name = file?.split(/[/\\]/).at(-1)?.slice(-MAX_NAME);
    if (name !== undefined && /^[\w.-]+$/.test(name)) return `${name}:${number}`;
  }
  return undefined;
}

/** The fields of a program's container that status needs. Its last lines become the name of the error. */
export function slimProgram({
  name,
  ready,
  restartCount,
  state,
  lastState,
}: ContainerStatus): ContainerStatus {
  const ended = state?.terminated ?? lastState?.terminated;
  return {
    ...{ name, ready, restartCount, image: PROGRAM, imageID: '' },
    ...(state?.waiting && { state: { waiting: state.waiting } }),
    ...(ended && { lastState: { terminated: slimEnd(ended) } }),
  };
}

function slimEnd({ exitCode, reason, finishedAt, message }: Terminated): Terminated {
  const error = errorIn(message ?? '');
  return {
    exitCode,
    ...(reason !== undefined && { reason: reason.slice(0, MAX_NAME) }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(error !== undefined && { message: error }),
  };
}
