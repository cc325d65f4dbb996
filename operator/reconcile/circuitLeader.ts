import { randomUUID } from 'node:crypto';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Configuration } from '../../contract/generated/types.ts';
import { FleetCircuits, type FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import type { Clock } from '../kube/index.ts';
import type { PodLinks } from '../links/index.ts';

export interface CircuitLeaderOptions {
  links: Pick<PodLinks, 'podsOf' | 'send' | 'onChange'>;
  clock: Clock;
  registry: Registry;
}

/** One term of this process as leader. */
export interface CircuitTerm {
  termOf: (agentKey: string) => number;
  /** Called after each change of state of a circuit of the agent's fleet. */
  onChange: (agentKey: string) => void;
}

/** Probes begin at most this late. */
const TICK_MS = 250;
const STATES = ['Closed', 'Open', 'Probing', 'Closing'] as const;

/** Connects the decisions on fleets' circuits with the links to pods, while this process leads. */
export class CircuitLeader {
  readonly #options: CircuitLeaderOptions;
  readonly #transitions: Counter<string>;
  readonly #probes: Counter<string>;
  #circuits: FleetCircuits | undefined;

  constructor(options: CircuitLeaderOptions) {
    const { links, registry } = options;
    const registers = [registry];
    this.#options = options;
    this.#transitions = new Counter({
      name: 'breakwater_fleet_circuit_transitions_total',
      help: 'Changes of state of circuits of the fleet',
      labelNames: ['to'],
      registers,
    });
    this.#probes = new Counter({
      name: 'breakwater_fleet_probes_total',
      help: 'Probes of circuits of the fleet, by what came of them',
      labelNames: ['outcome'],
      registers,
    });
    const states = (): readonly string[] => this.#circuits?.states() ?? [];
    new Gauge({
      name: 'breakwater_fleet_circuits',
      help: 'Circuits of the fleet, by state. Only the leader has any.',
      labelNames: ['state'],
      registers,
      collect() {
        for (const state of STATES) this.set({ state: state.toLowerCase() }, 0);
        for (const state of states()) this.inc({ state: state.toLowerCase() });
      },
    });
    links.onChange((key) => this.#update(key));
  }

  /** Leads until the signal aborts. A new leader knows only what pods report to it. */
  lead(signal: AbortSignal, term: CircuitTerm): void {
    const { clock, links } = this.#options;
    const circuits = new FleetCircuits({
      clock,
      session: randomUUID().slice(0, 13),
      send: (key, uid, orders) =>
        links.send(uid, { type: 'FleetCircuits', term: term.termOf(key), orders }),
      onState: (key, to) => {
        this.#transitions.inc({ to: to.toLowerCase() });
        term.onChange(key);
      },
      onProbe: (_key, outcome) => this.#probes.inc({ outcome: outcome.toLowerCase() }),
    });
    this.#circuits = circuits;
    const end = (): void => {
      if (this.#circuits === circuits) this.#circuits = undefined;
    };
    // At once, because links may stay open for a while.
    signal.addEventListener('abort', end, { once: true });
    const tick = (): void => {
      if (signal.aborted) return end();
      circuits.tick();
      clock.after(TICK_MS, tick);
    };
    tick();
  }

  /** Takes the rules of the agent's circuits. Must be called before the configuration is pushed to pods. */
  configure(agentKey: string, { content }: Configuration): void {
    this.#circuits?.configure(agentKey, content.circuits);
    this.#update(agentKey);
  }

  forget(agentKey: string): void {
    this.#circuits?.forget(agentKey);
  }

  /** The agent's circuits of scope Fleet. */
  of(agentKey: string): FleetCircuitStatus[] {
    return this.#circuits?.of(agentKey) ?? [];
  }

  #update(agentKey: string): void {
    const circuits = this.#circuits;
    if (circuits?.has(agentKey) !== true) return;
    circuits.update(agentKey, this.#options.links.podsOf(agentKey));
  }
}
