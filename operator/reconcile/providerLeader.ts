import type { Configuration } from '../../contract/generated/types.ts';
import { FLEET } from '../../contract/link.ts';
import {
  ProviderAccounts,
  type ProviderLimitFigures,
} from '../fleet/providers/providerAccounts.ts';
import type { Clock } from '../kube/index.ts';
import type { AgentKey, PodLinks } from '../links/index.ts';

export interface ProviderLeaderOptions {
  links: Pick<PodLinks, 'podsOf' | 'send' | 'onChange' | 'onMessage'>;
  clock: Clock;
}

interface Led {
  accounts: ProviderAccounts;
  maxPods: number;
  /** Undefined while no heartbeat is scheduled. */
  cancelHeartbeat: (() => void) | undefined;
}

interface Leading {
  termOf: (key: AgentKey) => number;
  agents: Map<AgentKey, Led>;
}

/** Connects the decisions on providers' limits with the links to pods, while this process leads. */
export class ProviderLeader {
  readonly #options: ProviderLeaderOptions;
  #leading: Leading | undefined;

  constructor(options: ProviderLeaderOptions) {
    this.#options = options;
  }

  /** Leads until the signal aborts. A new leader knows only what pods report to it. */
  lead(signal: AbortSignal, termOf: (key: AgentKey) => number): void {
    if (signal.aborted) return;
    const leading: Leading = { termOf, agents: new Map() };
    const { links } = this.#options;
    const stops = [
      links.onChange((key, kind) => {
        if (kind === 'State') this.#setPods(key);
      }),
      links.onMessage(({ namespace, agent, uid }, message) => {
        if (message.type !== 'ProviderUse') return;
        const key = `${namespace}/${agent}`;
        leading.agents.get(key)?.accounts.report(uid, message, this.#now());
        this.#scheduleHeartbeat(key);
      }),
    ];
    this.#leading = leading;
    const stop = (): void => {
      for (const each of stops) each();
      for (const { cancelHeartbeat } of leading.agents.values()) cancelHeartbeat?.();
      if (this.#leading === leading) this.#leading = undefined;
    };
    signal.addEventListener('abort', stop, { once: true });
  }

  /** Must be called with each configuration of the agent. */
  configure(key: AgentKey, { content }: Configuration): void {
    const leading = this.#leading;
    if (leading === undefined) return;
    const { maxPods } = content.providerLimits;
    if (maxPods <= 1) return this.forget(key);
    const led = leading.agents.get(key);
    if (led) led.maxPods = maxPods;
    else {
      const accounts = new ProviderAccounts((uid, shares) =>
        this.#options.links.send(uid, {
          ...{ type: 'ProviderShares', term: leading.termOf(key) },
          ...shares,
        }),
      );
      leading.agents.set(key, { accounts, maxPods, cancelHeartbeat: undefined });
    }
    this.#setPods(key);
  }

  forget(key: AgentKey): void {
    this.#leading?.agents.get(key)?.cancelHeartbeat?.();
    this.#leading?.agents.delete(key);
  }

  /** Providers' limits of which little is left, and how the agent's pods share them. */
  of(key: AgentKey): ProviderLimitFigures[] {
    const pods = new Map(this.#options.links.podsOf(key).map(({ uid, pod }) => [uid, pod]));
    const all = this.#leading?.agents.get(key)?.accounts.figures(this.#now()) ?? [];
    return all.map((each) => ({
      ...each,
      pods: each.pods.map(({ uid, ...figures }) => ({ pod: pods.get(uid) ?? uid, ...figures })),
    }));
  }

  #setPods(key: AgentKey): void {
    const led = this.#leading?.agents.get(key);
    if (led === undefined) return;
    const pods = this.#options.links.podsOf(key);
    led.accounts.setPods(
      pods.map(({ uid, boot, connected }) => ({ uid, boot, linked: connected })),
      led.maxPods,
      this.#now(),
    );
  }

  /** Schedules the next heartbeat, while pods share a limit. */
  #scheduleHeartbeat(key: AgentKey): void {
    const led = this.#leading?.agents.get(key);
    if (!led || led.cancelHeartbeat || !led.accounts.isBusy) return;
    led.cancelHeartbeat = this.#options.clock.after(FLEET.heartbeatMs, () => {
      led.cancelHeartbeat = undefined;
      led.accounts.heartbeat(this.#now());
      this.#scheduleHeartbeat(key);
    });
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
