import type { Content } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';

/** What pods must know of the program beside their runtime. Its image, environment and resources are in the pod template. */
export function resolveProgram({
  program,
}: Pick<AgentDeployment['spec'], 'program'>): Pick<Content, 'program'> {
  if (program === undefined) return {};
  const { port, tools, http, health } = program;
  return {
    program: {
      port,
      ...(tools && { tools: { path: tools.path } }),
      ...(http && { http: { paths: http.paths } }),
      ...(health && { health: { path: health.path } }),
    },
  };
}
