/** Claude at Microsoft Foundry. It states no limits. */
import { USUAL_BODY_BYTES, cloudProvider } from './cloud.ts';

export const foundry = cloudProvider({
  routes: ['Messages', 'CountTokens', 'Any'],
  maxBodyBytes: USUAL_BODY_BYTES,
});
