/** What may follow the name of a repository: a tag, a digest, or both. */
export const TAG_OR_DIGEST = '^(:[A-Za-z0-9_.-]+)?(@[A-Za-z0-9_+.:-]+)?$';

/** The repository of an image: its name without tag and digest. */
export function repositoryOf(image: string): string {
  return image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

/**
 * Whether an image is one of those that a prefix allows: all below one that ends with a slash, else that repository or
 * image alone.
 */
export function isBelow(prefix: string, image: string): boolean {
  if (!image.startsWith(prefix)) return false;
  return prefix.endsWith('/') || new RegExp(TAG_OR_DIGEST).test(image.slice(prefix.length));
}
