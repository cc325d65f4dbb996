/** The Claude Platform at AWS: Anthropic's own API, with AWS's accounts. */
import { ANTHROPIC_LIMITS } from './anthropic.ts';
import { USUAL_BODY_BYTES, cloudProvider } from './cloud.ts';
import type { Provider } from './provider.ts';
import { statedLimits } from './retryAfter.ts';

export const claudePlatformAWS: Provider = {
  ...cloudProvider({
    routes: ['Messages', 'CountTokens', 'Models', 'Any'],
    maxBodyBytes: USUAL_BODY_BYTES,
    service: 'aws-external-anthropic',
  }),
  limits: (headers, now) => statedLimits(ANTHROPIC_LIMITS, headers, now),
};
