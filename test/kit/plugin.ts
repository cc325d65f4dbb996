import { run } from '../../cli/program.ts';
import type { ClusterEnvironment } from './kubectl.ts';

export interface Said {
  status: number;
  text: string;
}

/** Runs a command of kubectl breakwater in this process, without a terminal. */
export async function plugin(
  environment: ClusterEnvironment,
  args: readonly string[],
): Promise<Said> {
  let text = '';
  const stdout = { write: (more: string) => (text += more) };
  const context = {
    program: 'kubectl breakwater',
    ...{ stdout, stderr: stdout, environment: { ...environment } },
    ...{ date: () => new Date(), interrupted: () => new AbortController().signal },
  };
  const status = await run(args, context, '0');
  return { status, text };
}
