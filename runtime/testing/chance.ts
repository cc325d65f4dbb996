/** By how much more failures in a row are no chance, after votes of which some failed. */
export function chanceFactor(votes: readonly boolean[]): number {
  const failed = votes.filter(Boolean).length;
  const share = votes.length === 0 ? 0.05 : failed / votes.length;
  if (share === 1) return 6;
  return Math.min(6, Math.max(1, 2.8 / Math.log(1 / share)));
}
