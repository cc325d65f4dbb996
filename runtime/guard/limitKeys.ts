import { PRINCIPAL } from './admission.ts';

/** What limits by key ask for: the caller, or a header. */
export function limitKeys(
  principal: string,
  header: (name: string) => string | undefined,
): (name: string) => string | undefined {
  return (name) => (name === PRINCIPAL ? principal : header(name));
}
