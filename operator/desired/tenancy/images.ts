/** Suffixes of the name of a repository: a tag, a digest, or both. */
export const TAG_OR_DIGEST = '^(:[A-Za-z0-9_.-]+)?(@[A-Za-z0-9_+.:-]+)?$';

/** The repository of an image: its name without tag and digest. */
export function repositoryOf(image: string): string {
  return image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}

/**
 * Whether a prefix allows an image: everything below a prefix that ends in a slash, else only that repository or
 * image.
 */
export function isBelow(prefix: string, image: string): boolean {
  if (!image.startsWith(prefix)) return false;
  return prefix.endsWith('/') || new RegExp(TAG_OR_DIGEST).test(image.slice(prefix.length));
}
