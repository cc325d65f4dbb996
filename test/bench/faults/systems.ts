/** The systems between client and provider. Each has two retries, 30 s for a request and one fallback. */
import type { Content } from '../../../contract/generated/types.ts';
import { startLitellm, startPortkey, startRuntime } from '../runtime/gateways.ts';
import { startEnvoy } from '../runtime/envoy.ts';
import type { EnvoyRoute } from '../runtime/envoy.ts';
import { freePort } from '../../cluster/common/freePort.ts';
import type { Gateway } from '../runtime/processes.ts';
import { agentContent } from '../../kit/agentContent.ts';
import type { Address } from './call.ts';
import type { Fault } from './catalogue.ts';
import { FALLBACK, PRIMARY } from './provider.ts';

/** A fault with the port of its provider. */
export interface Scene {
  fault: Fault;
  port: number;
}

export interface System {
  name: string;
  hasFallback: boolean;
  /** Timeout of the client. Absent: the gateway must end the request. */
  clientSeconds?: number;
  /** Address and model of a request that the primary or a healthy model of this scene gets. */
  address(scene: Scene, model: 'Primary' | 'Healthy'): Address;
  stop(): Promise<void>;
}

type Start = (scenes: readonly Scene[]) => Promise<System>;

/** By name, in the order of the table. */
export const SYSTEMS: Record<string, Start> = { direct, breakwater, portkey, litellm, envoy };

const TIMEOUT_SECONDS = 30;
const RETRIES = 2;

function nameOf(model: 'Primary' | 'Healthy'): string {
  return model === 'Primary' ? PRIMARY : FALLBACK;
}

/** No gateway: what a client without retries sees. It shows that the provider misbehaves as it should. */
function direct(): Promise<System> {
  return Promise.resolve({
    name: 'direct',
    hasFallback: false,
    clientSeconds: TIMEOUT_SECONDS,
    address: ({ port }, model) => ({ port, headers: {}, model: nameOf(model) }),
    stop: () => Promise.resolve(),
  });
}

/** A separate runtime for each fault, with the configuration that the operator builds from an AgentDeployment. */
async function breakwater(scenes: readonly Scene[]): Promise<System> {
  const runtimes = new Map<string, Gateway>();
  const stop = async (): Promise<void> => {
    await Promise.all([...runtimes.values()].map((runtime) => runtime.stop()));
  };
  try {
    for (const scene of scenes) {
      runtimes.set(scene.fault.id, await startRuntime((root) => content(scene, root)));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: 'breakwater',
    hasFallback: true,
    address: ({ fault }, model) => {
      const { port, headers } = runtimes.get(fault.id)!.target;
      return { port, headers, model: nameOf(model) };
    },
    stop,
  };
}

function content({ fault, port }: Scene, directory: string): Content {
  const baseURL = `http://127.0.0.1:${port}`;
  const apiKeySecretRef = { name: 'provider' };
  const agent = {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'bench' },
    spec: {
      model: {
        endpoints: [
          { name: 'primary', baseURL, apiKeySecretRef, contextTokens: 200_000 },
          {
            name: 'fallback',
            baseURL,
            apiKeySecretRef,
            model: fault.fallback,
            contextTokens: 1_000_000,
            priority: 1,
          },
        ],
      },
      retry: { maxAttempts: RETRIES + 1 },
      timeouts: { request: `${TIMEOUT_SECONDS}s`, streamIdle: `${TIMEOUT_SECONDS}s` },
    },
  };
  return agentContent(agent, directory);
}

/** One process. It keeps nothing between requests, and each request carries its configuration. */
async function portkey(): Promise<System> {
  const gateway = await startPortkey({});
  const { port } = gateway.target;
  return {
    name: 'portkey',
    hasFallback: true,
    address: (scene, model) => ({
      port,
      headers: { 'x-portkey-config': JSON.stringify(portkeyConfig(scene, model)) },
      model: nameOf(model),
    }),
    stop: () => gateway.stop(),
  };
}

function portkeyConfig({ fault, port }: Scene, model: 'Primary' | 'Healthy'): object {
  const target = (name: string): object => ({
    provider: 'anthropic',
    api_key: 'key',
    custom_host: `http://127.0.0.1:${port}/v1`,
    override_params: { model: name },
  });
  const retry = {
    attempts: RETRIES,
    on_status_codes: [429, 500, 502, 503, 504],
    use_retry_after_header: true,
  };
  return {
    strategy: { mode: 'fallback' },
    request_timeout: TIMEOUT_SECONDS * 1000,
    targets: [{ ...target(nameOf(model)), retry }, target(fault.fallback)],
  };
}

/** One process with a group of models for each fault, so that no two faults share a cooldown. */
async function litellm(scenes: readonly Scene[]): Promise<System> {
  const group = ({ fault }: Scene, role: string): string => `fault-${role}-${fault.id}`;
  const model = (scene: Scene, role: string, name: string): object => ({
    model_name: group(scene, role),
    litellm_params: {
      model: `anthropic/${name}`,
      api_base: `http://127.0.0.1:${scene.port}`,
      api_key: 'key',
    },
  });
  const fallbacks = scenes.map((scene) => ({
    [group(scene, 'primary')]: [group(scene, 'fallback')],
  }));
  const gateway = await startLitellm({
    model_list: scenes.flatMap((scene) => [
      model(scene, 'primary', PRIMARY),
      model(scene, 'fallback', scene.fault.fallback),
    ]),
    router_settings: {
      num_retries: RETRIES,
      timeout: TIMEOUT_SECONDS,
      fallbacks,
      context_window_fallbacks: fallbacks,
    },
    litellm_settings: { telemetry: false, drop_params: true },
  });
  const { port, headers } = gateway.target;
  return {
    name: 'litellm',
    hasFallback: true,
    address: (scene, which) => ({
      port,
      headers,
      model: group(scene, which === 'Primary' ? 'primary' : 'fallback'),
    }),
    stop: () => gateway.stop(),
  };
}

/**
 * One process with a route and an outlier detection of its own for each fault. Envoy asks the same model again; a fallback
 * would need another model in the body, which it does not write.
 */
async function envoy(scenes: readonly Scene[]): Promise<System> {
  const routes = new Map<string, EnvoyRoute>();
  for (const { fault, port } of scenes) {
    const route = { name: fault.id, port: await freePort(), endpoints: [port] };
    routes.set(fault.id, { ...route, timeout: `${TIMEOUT_SECONDS}s` });
  }
  const gateway = await startEnvoy([...routes.values()]);
  return {
    name: 'envoy',
    hasFallback: false,
    address: ({ fault }, model) => ({
      port: routes.get(fault.id)!.port,
      headers: { 'x-api-key': 'key' },
      model: nameOf(model),
    }),
    stop: () => gateway.stop(),
  };
}
