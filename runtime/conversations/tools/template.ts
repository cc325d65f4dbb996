/** The model's input does not fit into the request; the message is for the model. */
export class InputError extends Error {}

export type Input = Record<string, unknown>;

/** A URL with the input filled in. */
export interface Filled {
  url: URL;
  /** Input that the URL does not use. */
  rest: Input;
  /** Whether the template contains the host. */
  named: boolean;
}

const PLACEHOLDER = /\{([A-Za-z0-9_.-]+)\}/g;
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;
/** Path segments that URL parsers resolve as directories. */
const DOTS = /^(\.|%2e){1,2}$/i;

/** Replaces a URL's {NAME} by properties of the input, encoded for their place. Throws an InputError. */
export function fill(template: string, input: Input): Filled {
  const [, scheme = '', host = '', tail = ''] = /^(https?:\/\/)([^/?]*)(.*)$/s.exec(template) ?? [];
  const used = new Set<string>();
  const put = (part: string, encode: (name: string, value: string) => string): string =>
    part.replaceAll(PLACEHOLDER, (_, name: string) => {
      used.add(name);
      return encode(name, scalar(name, input));
    });
  const filledHost = put(host, (name, value) => {
    if (HOST.test(value)) return value;
    throw new InputError(`${name} is no part of a host name`);
  });
  const filledTail = put(tail, (_, value) => encodeURIComponent(value));
  const [path = ''] = filledTail.split('?', 1);
  const [plain = ''] = tail.split('?', 1);
  if (dots(path) > dots(plain)) throw new InputError('the input leads out of the path');
  const text = `${scheme}${filledHost}${filledTail}`;
  if (!URL.canParse(text)) throw new InputError('the input makes no URL');
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !used.has(name)));
  return { url: new URL(text), rest, named: filledHost === host };
}

function dots(path: string): number {
  return path.split(/[/\\]/).filter((segment) => DOTS.test(segment)).length;
}

/** Adds the rest of the input to the query. */
export function addQuery(url: URL, rest: Input): void {
  for (const [name, value] of Object.entries(rest)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    url.searchParams.append(name, text);
  }
}

function scalar(name: string, input: Input): string {
  const value = Object.hasOwn(input, name) ? input[name] : undefined;
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new InputError(`${name} is missing, or is no text or number`);
}
