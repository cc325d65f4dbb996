import { stringify } from 'yaml';
import { buildConfigMap } from '../../operator/desired/objects/configMap.ts';
import { planAgent } from '../../operator/desired/plan.ts';
import { attachments } from '../local/agentPlan.ts';
import type { Objects } from '../manifests/inventory.ts';

/** Placeholder for the authority, which only an operator has. */
const NO_AUTHORITY = '';

/** Placeholder for the token of a program, which an operator makes. */
const NO_TOKEN = '';

/** Default namespace of the chart. */
const OPERATOR_NAMESPACE = 'breakwater-system';

/**
 * The objects that the operator would apply, as YAML, and faults in the manifests. The ConfigMap has the first
 * revision, and placeholders for the uid, the operator's authority and the token of a program, which only a cluster has.
 */
export function render(
  objects: Objects,
  runtimeImage: string,
): { yaml: string; problems: string[] } {
  const options = { runtimeImage, operatorNamespace: OPERATOR_NAMESPACE };
  const plans = [...attachments(objects).values()].flatMap(({ agents }) =>
    [...agents.values()].map((attachment) => {
      const { agent } = attachment;
      return { agent, plan: planAgent({ agent, attachment, options }) };
    }),
  );
  const made = plans.flatMap(({ agent, plan }) => {
    const { content, hash } = plan;
    const configuration =
      content !== undefined && hash !== undefined
        ? [
            buildConfigMap(
              agent,
              { revision: { term: 1, counter: 1 }, hash, content },
              NO_AUTHORITY,
              agent.spec.program && NO_TOKEN,
            ),
          ]
        : [];
    const rest = Object.values(plan).filter(isObject);
    return [...configuration, ...rest];
  });
  return {
    yaml: made.map((object) => stringify(object, { lineWidth: 0 })).join('---\n'),
    problems: plans.flatMap(({ agent, plan }) =>
      [...plan.problems, ...plan.warnings].map(
        ({ message }) => `AgentDeployment ${agent.metadata.name}: ${message}`,
      ),
    ),
  };
}

/** All objects of a plan. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'apiVersion' in value && 'kind' in value;
}
