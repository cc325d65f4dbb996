import { say } from '../cluster/common/step.ts';
import type { Platform } from '../kit/platform.ts';
import { preparePlatform } from '../kit/platform.ts';
import { Narrator } from './narrator.ts';

/**
 * Prepares the cluster, runs a demo on it and says what to try next. If a step does not have the expected result,
 * reports it and ends the process with code 1.
 *
 * @param command the user's command
 */
export async function perform(
  command: string,
  ideas: readonly string[],
  play: (platform: Platform, narrator: Narrator) => Promise<void>,
): Promise<void> {
  try {
    const out = process.stdout;
    const platform = await preparePlatform(process.env);
    const colours = out.isTTY && !process.env.NO_COLOR;
    const narrator = new Narrator(out, platform.kubectl, colours);
    await play(platform, narrator);
    await invite(narrator, platform, ideas);
  } catch (error) {
    say(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    say(`Run it again with ${command}; make down removes what is there.`);
    process.exitCode = 1;
  }
}

async function invite(
  narrator: Narrator,
  { cluster }: Platform,
  ideas: readonly string[],
): Promise<void> {
  const path = (await cluster.path()).join(':');
  narrator.step('Now you: the cluster stays up');
  narrator.say('Reach it from this shell:');
  narrator.lines([
    `  export KUBECONFIG=${cluster.kubeconfig}`,
    ...(path ? [`  export PATH=${path}:$PATH`] : []),
  ]);
  narrator.say('Then try:');
  narrator.lines(ideas.map((line) => `  ${line}`));
}
