import { networkInterfaces } from 'node:os';

/** An address of this machine that pods of a cluster on it reach. */
export function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) throw new Error('this machine has no IPv4 address but its own loopback');
  return found.address;
}
