/**
 * `make bench-injection` measures the detector of prompt injections.
 *
 * injection_recall: share of attacks that it finds at the default threshold, of those on which the rules were not
 * tuned.
 * injection_false_alarms: share of ordinary texts in which it finds an attack, of logs and of packages on which the
 * rules were not tuned. A text is a whole file or its first 64 KiB, as a tool would return it.
 * injection_us_per_kb: processor time for a KiB of ordinary text.
 * injection_guides_*: the same of the rule set Guides.
 */
import { styleText } from 'node:util';
import { INJECTION_SOURCES } from '../../runtime/security/injection/detector.ts';
import type { InjectionSource } from '../../runtime/security/injection/detector.ts';
import { RuleDetector } from '../../runtime/security/injection/ruleDetector.ts';
import type { Attack } from './injection/attack.ts';
import {
  GUIDES_PATTERNS,
  GuidesDetector,
} from '../../runtime/security/injection/guidesDetector.ts';
import { HELD_OUT_CHAT, TUNED_CHAT } from './injection/chat.ts';
import { HELD_OUT } from './injection/heldOut.ts';
import { logTexts } from './injection/logs.ts';
import { isHeldOut, packageTexts, projectTexts } from './injection/ordinary.ts';
import type { Ordinary } from './injection/ordinary.ts';
import { TUNED } from './injection/tuned.ts';

/** The default of the CRD. */
const THRESHOLD = 60;
const LOGS = 200;
const KINDS = ['prose', 'code', 'logs', 'chat'] as const;
/** SHOW=1 prints missed attacks and false alarms of the half that may be used for tuning. */
const SHOW = process.env.SHOW === '1';

const detector = await RuleDetector.load();

print('attacks found:');
await recall(TUNED, 'tuned', SHOW);
figure('injection_recall', await recall(HELD_OUT, 'held out', false), 'ratio');

const tuned = [
  ...packageTexts((name) => !isHeldOut(name)),
  ...projectTexts(),
  ...logTexts(LOGS, 0),
  ...TUNED_CHAT,
];
const heldOut = [...packageTexts(isHeldOut), ...logTexts(LOGS, 1), ...HELD_OUT_CHAT];
print('ordinary texts in which an injection is found:');
await falseAlarms(tuned, 'tuned', SHOW);
figure('injection_false_alarms', await falseAlarms(heldOut, 'held out', false), 'ratio');
await cost(heldOut);
await guides(heldOut);

async function recall(attacks: readonly Attack[], name: string, show: boolean): Promise<number> {
  const found: Attack[] = [];
  for (const attack of attacks) {
    const { score, rules } = await detector.examine(attack.text, attack.source);
    if (score >= THRESHOLD) found.push(attack);
    else if (show) print(styleText('dim', `  missed (${score} ${rules.join()}): ${attack.text}`));
  }
  for (const source of INJECTION_SOURCES) {
    const of = (all: readonly Attack[]): number =>
      all.filter((each) => each.source === source).length;
    print(`  ${name}, ${source}: ${of(found)} of ${of(attacks)}`);
  }
  return found.length / attacks.length;
}

async function falseAlarms(
  texts: readonly Ordinary[],
  name: string,
  show: boolean,
): Promise<number> {
  const alarms: Ordinary[] = [];
  for (const text of texts) {
    const { score, rules } = await detector.examine(text.text, sourceOf(text));
    if (score < THRESHOLD) continue;
    alarms.push(text);
    if (show) print(styleText('dim', `  found (${score} ${rules.join()}): ${text.name}`));
  }
  for (const kind of KINDS) {
    const of = (all: readonly Ordinary[]): number =>
      all.filter((each) => each.kind === kind).length;
    print(`  ${name}, ${kind}: ${of(alarms)} of ${of(texts)}`);
    if (name === 'held out')
      figure(`injection_false_alarms_${kind}`, of(alarms) / of(texts), 'ratio');
  }
  return alarms.length / texts.length;
}

/** The rule set Guides, which is off by default. */
async function guides(texts: readonly Ordinary[]): Promise<void> {
  const eight = new GuidesDetector();
  const isFound = async (text: string): Promise<boolean> => (await eight.examine(text)).score > 0;
  let found = 0;
  for (const [, pattern] of GUIDES_PATTERNS) if (await isFound(`Well, ${pattern} now.`)) found += 1;
  figure('injection_guides_found', found / GUIDES_PATTERNS.length, 'ratio');
  for (const kind of KINDS) {
    const of = texts.filter((each) => each.kind === kind);
    let alarms = 0;
    for (const { text } of of) if (await isFound(text)) alarms += 1;
    print(`  Guides, held out, ${kind}: ${alarms} of ${of.length}`);
    figure(`injection_guides_false_alarms_${kind}`, alarms / of.length, 'ratio');
  }
}

/** What a user writes, or else the source that most rules are for. */
function sourceOf({ kind }: Ordinary): InjectionSource {
  return kind === 'chat' ? 'UserInput' : 'ToolResults';
}

async function cost(texts: readonly Ordinary[]): Promise<void> {
  let characters = 0;
  const before = process.cpuUsage();
  for (const { text } of texts) {
    characters += text.length;
    await detector.examine(text, 'ToolResults');
  }
  const { user, system } = process.cpuUsage(before);
  figure('injection_us_per_kb', (user + system) / (characters / 1024), 'us');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function figure(name: string, value: number, unit: string): void {
  print(`figure ${name} ${value.toPrecision(3)} ${unit}`);
}
