import { hash } from 'node:crypto';

/** When one object's figures may be written. */
interface Refresh {
  /** In monotonic milliseconds. */
  at: number;
  /** Whether the budget of all objects has granted this time. */
  granted: boolean;
}

/**
 * Says when changed figures may be written: those of one object once in five minutes, at a time that the hash of its name
 * decides, and five a second of all objects together. An object that must wait for the budget gets a time of its own. If
 * all tried again whenever the next write is free, a thousand objects would compute their status five times a second, and
 * one of them would write.
 */
export class FigureRefreshes {
  readonly #everyMs: number;
  readonly #stepMs: number;
  readonly #pending = new Map<string, Refresh>();
  /** The first time that the budget has not granted. */
  #freeAt = -Infinity;

  constructor(everyMs = 300_000, perSecond = 5) {
    this.#everyMs = everyMs;
    this.#stepMs = 1000 / perSecond;
  }

  /**
   * @param now monotonic milliseconds
   * @returns until the figures may be written; 0: now, until `forget`
   */
  waitMs(name: string, now: number): number {
    const refresh = this.#pending.get(name) ?? { at: this.#next(name, now), granted: false };
    if (!refresh.granted && refresh.at <= now) {
      refresh.at = Math.max(this.#freeAt, now);
      refresh.granted = true;
      this.#freeAt = refresh.at + this.#stepMs;
    }
    this.#pending.set(name, refresh);
    return Math.max(0, Math.ceil(refresh.at - now));
  }

  /** The object was written, its figures are as they were, or it is gone. */
  forget(name: string): void {
    this.#pending.delete(name);
  }

  /** The next time of the object after `now`. */
  #next(name: string, now: number): number {
    const offset = parseInt(hash('sha1', name).slice(0, 8), 16) % this.#everyMs;
    return (Math.floor((now - offset) / this.#everyMs) + 1) * this.#everyMs + offset;
  }
}
