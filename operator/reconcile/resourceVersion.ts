/** One counter of the storage numbers all versions of an object, so the larger one is newer. */
export function isNewer(version: string | undefined, than: string | undefined): boolean {
  if (!version || !than || !/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return BigInt(version) > BigInt(than);
}
