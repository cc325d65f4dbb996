import type { Logger } from 'pino';

/** Modules of the operator, in the field `module` of log lines. */
export const MODULES = ['authority', 'informer', 'leader', 'links', 'reconcile', 'traces'] as const;

export type Module = (typeof MODULES)[number];

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** The loggers of all modules. Their levels may be changed at run time. */
export class Loggers {
  readonly #root: Logger;
  readonly #loggers: ReadonlyMap<Module, Logger>;

  /** @param levels by module. Default: the level of the process */
  constructor(root: Logger, levels: Readonly<Record<string, string>> = {}) {
    this.#root = root;
    this.#loggers = new Map(MODULES.map((module) => [module, root.child({ module })]));
    for (const [module, level] of Object.entries(levels)) this.set(module, level);
  }

  of(module: Module): Logger {
    return this.#loggers.get(module)!;
  }

  levels(): Record<string, string> {
    return Object.fromEntries(Array.from(this.#loggers, ([name, { level }]) => [name, level]));
  }

  /** Sets the level of a module; empty: that of the process. @returns the fault of the level; undefined if it is set */
  set(module: string, level: string): string | undefined {
    const logger = this.#loggers.get(module as Module);
    if (!logger) return `module must be one of ${MODULES.join(', ')}`;
    if (level !== '' && !LEVELS.includes(level as (typeof LEVELS)[number]))
      return `level must be one of ${LEVELS.join(', ')}`;
    logger.level = level === '' ? this.#root.level : level;
    return undefined;
  }
}
