import { Counter, Gauge, type Registry } from 'prom-client';
import { FleetCircuits, hasFleetCircuits } from '../fleet/circuits/fleetCircuits.ts';
import { FleetHost, type FleetHostOptions } from '../fleet/fleetHost.ts';
import { ledLimits, SharedLimits } from '../fleet/limits/sharedLimits.ts';
import { ProviderAccounts } from '../fleet/providers/providerAccounts.ts';
import { placesOf, SiblingFigures } from '../fleet/siblings/siblingFigures.ts';

/** What the leader decides for all pods of an agent. */
export interface FleetServices {
  limits: SharedLimits;
  circuits: FleetCircuits;
  providers: ProviderAccounts;
  siblings: SiblingFigures;
}

export type Fleet = FleetHost<FleetServices>;

export interface FleetOptions extends Omit<FleetHostOptions<FleetServices>, 'kinds'> {
  registry: Registry;
  /** Name of this process. */
  instance: string;
}

const STATES = ['Closed', 'Open', 'Probing', 'Closing'] as const;

/** The host of all services, with their metrics. */
export function createFleet({ registry, instance, ...options }: FleetOptions): Fleet {
  const { grants, transitions, probes } = counters(registry);
  const fleet: Fleet = new FleetHost<FleetServices>({
    ...options,
    kinds: {
      limits: {
        isUsed: (content) => ledLimits(content).length > 0,
        create: (context) => new SharedLimits(context, instance, () => grants.inc()),
      },
      circuits: {
        isUsed: hasFleetCircuits,
        create: (context) =>
          new FleetCircuits(context, {
            onState: (to) => transitions.inc({ to: to.toLowerCase() }),
            onProbe: (outcome) => probes.inc({ outcome: outcome.toLowerCase() }),
          }),
      },
      providers: {
        isUsed: ({ providerLimits }) => providerLimits.maxPods > 1,
        create: (context) => new ProviderAccounts(context),
      },
      siblings: {
        isUsed: (content) => placesOf(content) > 0,
        create: (context) => new SiblingFigures(context),
      },
    },
  });
  registerGauges(registry, fleet);
  return fleet;
}

function counters(
  registry: Registry,
): Record<'grants' | 'transitions' | 'probes', Counter<'to' | 'outcome'>> {
  const registers = [registry];
  return {
    grants: new Counter({
      name: 'breakwater_fleet_grants_total',
      help: 'Blocks of tokens that the leader has granted to pods, of all limits of scope Fleet.',
      registers,
    }),
    transitions: new Counter({
      name: 'breakwater_fleet_circuit_transitions_total',
      help: 'Changes of state of circuits of the fleet',
      labelNames: ['to'],
      registers,
    }),
    probes: new Counter({
      name: 'breakwater_fleet_probes_total',
      help: 'Probes of circuits of the fleet, by what came of them',
      labelNames: ['outcome'],
      registers,
    }),
  };
}

function registerGauges(registry: Registry, fleet: Fleet): void {
  new Gauge({
    name: 'breakwater_fleet_pods',
    help: 'Pods of agents with limits of scope Fleet: linked take tokens from the leader or rest, the share of the others is withheld. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const all = fleet.all('limits').map((limits) => limits.figures().pods);
      const sum = (of: 'linked' | 'total'): number =>
        all.reduce((count, each) => count + each[of], 0);
      this.set({ state: 'linked' }, sum('linked'));
      this.set({ state: 'withheld' }, sum('total') - sum('linked'));
    },
  });
  new Gauge({
    name: 'breakwater_fleet_circuits',
    help: 'Circuits of the fleet, by state. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const state of STATES) this.set({ state: state.toLowerCase() }, 0);
      for (const { state } of fleet.all('circuits').flatMap((circuits) => circuits.status())) {
        this.inc({ state: state.toLowerCase() });
      }
    },
  });
}
