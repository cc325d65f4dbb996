/** Loads the engines on demand, so that agents without screening never load them. */
import type { Logger } from 'pino';
import type { InjectionDetector } from '../injection/detector.ts';
import type { ScreenDeps } from './screen.ts';

export interface EngineDeps {
  fetch: typeof fetch;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

export const engines = ({ fetch, now, log }: EngineDeps): ScreenDeps => ({
  loadDetector: async ({ ruleSets = ['Default'], patterns = [], detector }) => {
    const detectors: InjectionDetector[] = [];
    if (ruleSets.includes('Default')) {
      const { RuleDetector } = await import('../injection/ruleDetector.ts');
      detectors.push(await RuleDetector.load());
    }
    if (ruleSets.includes('Guides')) {
      const { GuidesDetector } = await import('../injection/guidesDetector.ts');
      detectors.push(new GuidesDetector());
    }
    if (patterns.length > 0) {
      const { OwnPatterns } = await import('../injection/ownPatterns.ts');
      const onFault = (name: string): void =>
        log.warn({ pattern: name }, 'A pattern for prompt injection is no RE2 and is left out');
      detectors.push(await OwnPatterns.load(patterns, onFault));
    }
    if (detector) {
      const { ServiceDetector } = await import('../injection/serviceDetector.ts');
      detectors.push(new ServiceDetector(detector, { fetch, now, log }));
    }
    const { combined } = await import('../injection/combined.ts');
    return combined(detectors);
  },
  loadScanner: async () => {
    const { SecretlintScanner } = await import('../secrets/secretScanner.ts');
    return SecretlintScanner.load();
  },
});
