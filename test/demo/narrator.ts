import { inspect } from 'node:util';
import type { Kubectl } from '../kit/kubectl.ts';

/** A step of the demo did not have the expected result. */
export class DemoFailure extends Error {}

type Out = Pick<NodeJS.WriteStream, 'write'>;

/** Prints the demo on a terminal: numbered steps, commands and their output. */
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

  step(title: string): void {
    this.#steps += 1;
    this.#afterBlock = false;
    this.#out.write(`\n${this.#styled(`${this.#steps}. ${title}`, 'bold')}\n`);
  }

  say(text: string): void {
    this.#paragraph(text);
  }

  #paragraph(text: string): void {
    if (this.#afterBlock) this.#out.write('\n');
    this.#afterBlock = false;
    this.#out.write(`   ${text}\n`);
  }

  /** Prints an expected result. */
  good(text: string): void {
    this.#paragraph(`${this.#styled('✓', 'green')} ${text}`);
  }

  show(command: string, output: string): void {
    this.#out.write(`\n   ${this.#styled(`$ ${command}`, 'cyan')}\n`);
    this.lines(output.trimEnd().split('\n'));
  }

  /** Prints lines unchanged, for reading or copying. */
  lines(lines: readonly string[]): void {
    for (const line of lines) this.#out.write(`${`   ${line}`.trimEnd()}\n`);
    this.#afterBlock = true;
  }

  /** Runs a command line of kubectl, prints it and its output, and returns the output. */
  async kubectl(line: string): Promise<string> {
    const output = await this.#kubectl.run(line.split(' '));
    this.show(`kubectl ${line}`, output);
    return output;
  }

  elapsed(): string {
    return `${((performance.now() - this.#started) / 1000).toFixed(0)} s`;
  }
}

/** Throws a DemoFailure unless the condition holds. */
export function mustShow(shown: boolean, message: string): asserts shown {
  if (!shown) throw new DemoFailure(message);
}
