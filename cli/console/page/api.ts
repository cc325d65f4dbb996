import type { TableChange } from '../answers.ts';

/** What the address says after its #: the token of the server, and what is shown. */
export function place(): URLSearchParams {
  return new URLSearchParams(location.hash.slice(1));
}

/** The address of a view, with the token. */
export function linkTo(view: Record<string, string>): string {
  return `#${new URLSearchParams({ t: place().get('t') ?? '', ...view }).toString()}`;
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const authorization = `Bearer ${place().get('t') ?? ''}`;
  const response = await fetch(path, { ...init, headers: { authorization } });
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: string };
  throw new Error(error);
}

/** Reads a page of the server. @throws Error with a message for users */
export async function get<Page>(path: string, signal?: AbortSignal): Promise<Page> {
  const response = await ask(path, signal ? { signal } : {});
  return (await response.json()) as Page;
}

/** Sends a text to the server, and reads its answer. @throws Error with a message for users */
export async function post<Page>(path: string, body: string): Promise<Page> {
  const response = await ask(path, { method: 'POST', body });
  return (await response.json()) as Page;
}

/** The path of an agent, or of a part of it. */
export function agentPath(namespace: string, name: string, ...parts: string[]): string {
  return ['/api/agents', namespace, name, ...parts]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join('/');
}

/** Longest silence of the stream before it counts as broken, in milliseconds: twice that of the server. */
const SILENCE_MS = 12_000;

/** Gives the changes of the table until the server breaks off. @throws Error when it does */
export async function* tableChanges(): AsyncGenerator<TableChange> {
  const abort = new AbortController();
  const response = await ask('/api/table', { signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const timer = setTimeout(() => abort.abort(new Error('The console is silent.')), SILENCE_MS);
    const { done, value } = await reader.read();
    clearTimeout(timer);
    if (done) throw new Error('The console has ended.');
    const lines = `${rest}${value}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as TableChange;
  }
}
