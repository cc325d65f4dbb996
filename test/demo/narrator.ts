import { inspect } from 'node:util';
import type { Kubectl } from '../kit/kubectl.ts';

/** A step of the demo that did not show what it should. */
export class DemoFailure extends Error {}

/** Where the story is told. */
type Out = Pick<NodeJS.WriteStream, 'write'>;

/** Tells the story on a terminal: numbered steps, commands as one types them, and what they print. */
export class Narrator {
  readonly #out: Out;
  readonly #colours: boolean;
  readonly #kubectl: Kubectl;
  readonly #started = performance.now();
  #steps = 0;
  #afterBlock = false;

  constructor(out: Out, kubectl: Kubectl, colours: boolean) {
    this.#out = out;
    this.#kubectl = kubectl;
    this.#colours = colours;
  }

  #styled(text: string, style: 'bold' | 'cyan' | 'green'): string {
    const codes = inspect.colors[style];
    return this.#colours && codes ? `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m` : text;
  }

  /** Begins the next step. */
  step(title: string): void {
    this.#steps += 1;
    this.#afterBlock = false;
    this.#out.write(`\n${this.#styled(`${this.#steps}. ${title}`, 'bold')}\n`);
  }

  /** Says something in between. */
  say(text: string): void {
    this.#paragraph(text);
  }

  #paragraph(text: string): void {
    if (this.#afterBlock) this.#out.write('\n');
    this.#afterBlock = false;
    this.#out.write(`   ${text}\n`);
  }

  /** Says that something is as it should be. */
  good(text: string): void {
    this.#paragraph(`${this.#styled('✓', 'green')} ${text}`);
  }

  /** Shows a command and what it printed. */
  show(command: string, output: string): void {
    this.#out.write(`\n   ${this.#styled(`$ ${command}`, 'cyan')}\n`);
    this.lines(output.trimEnd().split('\n'));
  }

  /** Shows lines to be read or copied as they are. */
  lines(lines: readonly string[]): void {
    for (const line of lines) this.#out.write(`${`   ${line}`.trimEnd()}\n`);
    this.#afterBlock = true;
  }

  /** Runs a command of kubectl, given as one types it, and shows it. Returns what it printed. */
  async kubectl(line: string): Promise<string> {
    const output = await this.#kubectl.run(line.split(' '));
    this.show(`kubectl ${line}`, output);
    return output;
  }

  /** Seconds since the story began. */
  elapsed(): string {
    return `${((performance.now() - this.#started) / 1000).toFixed(0)} s`;
  }
}

/** Throws a DemoFailure unless the demo shows what it should. */
export function mustShow(shown: boolean, message: string): asserts shown {
  if (!shown) throw new DemoFailure(message);
}
