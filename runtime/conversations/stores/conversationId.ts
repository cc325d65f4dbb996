import { randomBytes } from 'node:crypto';
import { SocketAddress, isIP } from 'node:net';

/** The pod and process that have a conversation in memory. */
export interface Owner {
  /** IP address of the pod. */
  address: string;
  /** Random name of the process, in hexadecimal. */
  boot: string;
}

const PREFIX = 'conv_';
const BOOT_BYTES = 6;
const RANDOM_BYTES = 18;

/** A random id that names no owner. */
export function freeId(): string {
  return `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}

/** A random id that names the pod and the process of the conversation. */
export function ownedId({ address, boot }: Owner): string {
  const bytes = Buffer.concat([
    packed(address),
    Buffer.from(boot, 'hex'),
    randomBytes(RANDOM_BYTES),
  ]);
  return `${PREFIX}${bytes.toString('base64url')}`;
}

export function newBoot(): string {
  return randomBytes(BOOT_BYTES).toString('hex');
}

/** Owner in an id; undefined if it names none. */
export function ownerOf(id: string): Owner | undefined {
  if (!id.startsWith(PREFIX)) return undefined;
  const bytes = Buffer.from(id.slice(PREFIX.length), 'base64url');
  const length = bytes.length - BOOT_BYTES - RANDOM_BYTES;
  if (length !== 4 && length !== 16) return undefined;
  const boot = bytes.subarray(length, length + BOOT_BYTES).toString('hex');
  return { address: unpacked(bytes.subarray(0, length)), boot };
}

/** The canonical form of an address, for comparison. */
export function canonical(address: string): string {
  return isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

function packed(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string | undefined): number[] =>
    (text ?? '') === '' ? [] : text!.split(':').map((group) => parseInt(group, 16));
  const first = groups(head);
  const last = groups(tail);
  const zeros = new Array<number>(8 - first.length - last.length).fill(0);
  const bytes = Buffer.alloc(16);
  [...first, ...zeros, ...last].forEach((group, i) => bytes.writeUInt16BE(group, i * 2));
  return bytes;
}

function unpacked(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return canonical(groups.join(':'));
}
