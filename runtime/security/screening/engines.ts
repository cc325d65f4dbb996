/** Loads the engines on demand, so that agents without screening never load them. */
import type { ScreenDeps } from './screen.ts';

export const ENGINES: ScreenDeps = {
  loadDetector: async () => {
    const { RuleDetector } = await import('../injection/ruleDetector.ts');
    return RuleDetector.load();
  },
  loadScanner: async () => {
    const { SecretlintScanner } = await import('../secrets/secretScanner.ts');
    return SecretlintScanner.load();
  },
};
