import type { Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { secretFile, secretHeaders } from './secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type Tracing = Content['telemetry']['tracing'];

/** Operator-wide default for the traces of agents. */
export interface TracingDefaults {
  endpoint: string;
  /** From 0 to 1. */
  ratio: number;
  parentBased: boolean;
}

/** Defaults if neither the spec nor the operator sets a value. */
const BUILT_IN: Partial<TracingDefaults> & Omit<TracingDefaults, 'endpoint'> = {
  ratio: 1,
  parentBased: true,
};

/** Traces, logs and metrics of the agent's pods. */
export function resolveTelemetry(
  { telemetry, monitoring }: Spec,
  defaults?: TracingDefaults,
): Pick<Content, 'telemetry'> {
  const { successRatio, levels = {} } = telemetry.logging;
  const tracing = resolveTracing(telemetry.tracing, defaults);
  const token = monitoring.auth?.tokenSecretRef;
  return {
    telemetry: {
      ...(token && { metrics: { token: secretFile(token) } }),
      ...(tracing && { tracing }),
      baggage: telemetry.tracing?.baggage ?? 'Drop',
      userId: telemetry.tracing?.userId ?? 'Hashed',
      logging: { successRatio: Number(successRatio), levels },
    },
  };
}

function resolveTracing(
  spec: Spec['telemetry']['tracing'] = {},
  defaults: TracingDefaults | undefined,
): Tracing | undefined {
  const usual = { ...BUILT_IN, ...defaults };
  const { endpoint = usual.endpoint, headersFrom, sampling = {}, content = 'None' } = spec;
  if (endpoint === undefined) return undefined;
  const { ratio = usual.ratio, parentBased = usual.parentBased } = sampling;
  return {
    endpoint,
    headersFrom: secretHeaders(headersFrom),
    ratio: Number(ratio),
    parentBased,
    content,
  };
}
