import type { Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { IncidentLevel } from '../../../contract/incidents.ts';
import { INCIDENT_RULES, incidentRules } from '../../../crds/deprecated.ts';
import { INCIDENTS } from './constants.ts';
import { parsePositiveDuration } from '../common/duration.ts';

type Spec = Pick<AgentDeployment['spec'], 'security'>;

/** The detection of attacks in pods. */
export function resolveSecurity({ security }: Spec): Pick<Content, 'security'> {
  return {
    security: {
      incidents: incidents(security.incidents),
      responses: (security.responses ?? []).map(response),
      ...promptInjection(security.promptInjection),
      ...secrets(security.secrets),
      ...runGuard(security.runGuard),
    },
  };
}

type ResponseSpec = NonNullable<Spec['security']['responses']>[number];

function response(
  { duration, ...rest }: ResponseSpec,
  index: number,
): Content['security']['responses'][number] {
  const path = `spec.security.responses[${index}].duration`;
  return { ...rest, durationMs: parsePositiveDuration(duration, path) };
}

function incidents({
  rules,
  thresholds,
}: Spec['security']['incidents']): Content['security']['incidents'] {
  const inForce = rules ?? (thresholds ? incidentRules(thresholds) : INCIDENT_RULES);
  const opening = inForce.filter(({ level }) => level === undefined);
  return {
    ...INCIDENTS,
    thresholds: Object.fromEntries(opening.map(({ type, count }) => [type, count])),
    escalations: inForce.flatMap(({ type, count, within, level }, index) => {
      if (level === undefined) return [];
      const path = `spec.security.incidents.rules[${index}].within`;
      const withinMs =
        within === undefined ? {} : { withinMs: parsePositiveDuration(within, path) };
      return [{ type, count, ...withinMs, level: level as IncidentLevel }];
    }),
  };
}

type Security = Spec['security'];
type Resolved = Content['security'];

function promptInjection({
  mode,
  threshold,
  sources,
  ruleSets,
  patterns = [],
  detector,
  exempt = [],
  blockedResults,
}: Security['promptInjection']): Pick<Resolved, 'promptInjection'> {
  if (mode === 'Disabled' || sources.length === 0) return {};
  const resolved = sources.map((each) => ({
    source: each.source,
    threshold: each.threshold ?? threshold,
    ...(each.mode !== undefined && { mode: each.mode }),
  }));
  const own = {
    ...(patterns.length > 0 && { patterns }),
    ...(detector && { detector: service(detector) }),
  };
  return { promptInjection: { mode, sources: resolved, ruleSets, ...own, exempt, blockedResults } };
}

function service({
  timeout,
  ...rest
}: NonNullable<Security['promptInjection']['detector']>): NonNullable<
  NonNullable<Resolved['promptInjection']>['detector']
> {
  const path = 'spec.security.promptInjection.detector.timeout';
  return { ...rest, timeoutMs: parsePositiveDuration(timeout, path) };
}

function secrets({ mode, sources }: Security['secrets']): Pick<Resolved, 'secrets'> {
  return mode === 'Disabled' || sources.length === 0 ? {} : { secrets: { mode, sources } };
}

function runGuard({
  mode,
  exempt = [],
  maxDuration,
  ...rest
}: Security['runGuard']): Pick<Resolved, 'runGuard'> {
  if (mode === 'Disabled') return {};
  const maxDurationMs =
    maxDuration === undefined
      ? undefined
      : parsePositiveDuration(maxDuration, 'spec.security.runGuard.maxDuration');
  return {
    runGuard: { mode, exempt, ...rest, ...(maxDurationMs !== undefined && { maxDurationMs }) },
  };
}
