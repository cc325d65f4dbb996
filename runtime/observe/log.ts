import type { Logger } from 'pino';

const KNOWN_LEVELS: ReadonlySet<string> = new Set([
  'trace',
  'debug',
  'info',
  'warn',
  'error',
  'silent',
]);

/** Modules of log lines and of spec.telemetry.logging.levels. */
export const MODULES = [
  'access',
  'agent',
  'audit',
  'configuration',
  'credentials',
  'file',
  'guard',
  'health',
  'http',
  'lifecycle',
  'link',
  'messages',
  'model',
  'network',
  'runtime',
  'security',
  'state',
  'tools',
  'traces',
] as const;

export type Module = (typeof MODULES)[number];

/** One logger for each module. Their levels change while they are in use. */
export class ModuleLoggers {
  readonly #root: Logger;
  readonly #loggers = new Map<Module, Logger>();
  #levels: Readonly<Record<string, string>> = {};

  constructor(root: Logger) {
    this.#root = root;
    for (const module of MODULES) this.#loggers.set(module, root.child({ module }));
  }

  of(module: Module): Logger {
    return this.#loggers.get(module)!;
  }

  /** Levels by module. Others get the level of the process. */
  apply(levels: Readonly<Record<string, string>>): void {
    this.#levels = levels;
    for (const [module, logger] of this.#loggers) logger.level = this.#levelOf(module);
  }

  /** The level of each module. */
  levels(): Record<string, string> {
    return Object.fromEntries(Array.from(this.#loggers, ([name, { level }]) => [name, level]));
  }

  /** An unknown level comes from a newer operator. */
  #levelOf(module: Module): string {
    const level = this.#levels[module]?.toLowerCase();
    return level !== undefined && KNOWN_LEVELS.has(level) ? level : this.#root.level;
  }
}
