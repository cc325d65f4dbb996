import type { KubernetesObject } from '../../crds/meta.ts';
import type { Api } from '../kit/api.ts';
import { ApiError } from '../kit/api.ts';
import { waitFor } from '../kit/wait.ts';
import type { Health } from './lua.ts';

/** An Application, as far as the tests look at it. */
export interface Application extends KubernetesObject {
  spec: Record<string, unknown>;
  status?: {
    sync?: { status: 'Synced' | 'OutOfSync' | 'Unknown'; revision?: string };
    health?: { status: Health['status'] };
    resources?: Resource[];
    conditions?: { type: string; message: string }[];
    operationState?: {
      phase: string;
      message?: string;
      syncResult?: {
        revision: string;
        resources?: { kind: string; name: string; hookPhase?: string; message?: string }[];
      };
    };
    history?: { id: number; revision: string }[];
  };
}

export interface Resource {
  kind: string;
  name: string;
  namespace?: string;
  status?: 'Synced' | 'OutOfSync';
  health?: Health;
}

/** Annotation that asks for a comparison. */
const REFRESH = 'argocd.argoproj.io/refresh';

const GROUP = '/apis/argoproj.io/v1alpha1';

/** The Applications of one namespace, and what Argo CD reports of them. */
export class Applications {
  readonly #api: Api;
  readonly #namespace: string;

  constructor(api: Api, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  get(name: string): Promise<Application> {
    return this.#api.request('GET', this.#path('applications', name));
  }

  create(
    kind: 'applications' | 'applicationsets' | 'appprojects',
    object: unknown,
  ): Promise<unknown> {
    return this.#api.request('POST', this.#path(kind), object);
  }

  /** Tells Argo CD to look at git now, as a webhook does; it would look by itself within three minutes. */
  async refresh(name: string): Promise<void> {
    await this.#patch('applications', name, {
      metadata: { annotations: { [REFRESH]: 'normal' } },
    });
  }

  /** Has Argo CD compare the Application with the cluster once more, and answers what it then reports. */
  async compared(name: string): Promise<Application> {
    await this.refresh(name);
    // Argo CD takes the annotation away with the report. `reconciledAt` has whole seconds and may not change.
    return this.until(
      name,
      'was compared again',
      ({ metadata }) => !metadata.annotations?.[REFRESH],
    );
  }

  /**
   * Has Argo CD compare the Application again and again until what it reports is as it should be. A new message of an object
   * that stays Healthy is no reason for Argo CD to compare, and its cache may not have the message yet when it does.
   */
  comparedUntil(
    name: string,
    description: string,
    isDone: (application: Application) => boolean,
  ): Promise<Application> {
    const compare = (): Promise<Application> => this.compared(name);
    return waitFor(`Application ${name}: ${description}`, compare, isDone, { timeoutMs: 60_000 });
  }

  /** Deletes the Application with all that it deployed. */
  async remove(name: string): Promise<void> {
    const finalizers = ['resources-finalizer.argocd.argoproj.io'];
    await this.#patch('applications', name, { metadata: { finalizers } });
    await this.#api.request('DELETE', this.#path('applications', name));
    await this.#gone('applications', name);
  }

  /** Deletes the ApplicationSet and its Applications with all that they deployed. */
  async removeSet(name: string): Promise<void> {
    await this.#api.request('DELETE', this.#path('applicationsets', name));
    await this.#gone('applicationsets', name);
  }

  /** Waits until what Argo CD reports of an Application is as it should be. */
  until(
    name: string,
    description: string,
    isDone: (application: Application) => boolean,
    timeoutMs = 180_000,
  ): Promise<Application> {
    return waitFor(`Application ${name}: ${description}`, () => this.get(name), isDone, {
      timeoutMs,
      everyMs: 50,
    });
  }

  /** Waits until it is Synced and Healthy, at a revision if one is named. */
  settled(name: string, revision?: string): Promise<Application> {
    return this.until(name, 'is Synced and Healthy', ({ status }) => {
      const isThere = revision === undefined || status?.sync?.revision === revision;
      return isThere && status?.sync?.status === 'Synced' && status.health?.status === 'Healthy';
    });
  }

  #patch(kind: string, name: string, patch: unknown): Promise<unknown> {
    const type = 'application/merge-patch+json';
    return this.#api.request('PATCH', this.#path(kind, name), patch, type);
  }

  async #gone(kind: string, name: string): Promise<void> {
    await waitFor(
      `${kind} ${name} is gone`,
      () => this.#find(kind, name),
      (found) => found === undefined,
      { timeoutMs: 120_000 },
    );
  }

  async #find(kind: string, name: string): Promise<unknown> {
    try {
      return await this.#api.request('GET', this.#path(kind, name));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  #path(kind: string, name?: string): string {
    const path = `${GROUP}/namespaces/${this.#namespace}/${kind}`;
    return name === undefined ? path : `${path}/${name}`;
  }
}

/** What Argo CD reports of one object that an Application deployed. */
export function resource(
  { status }: Application,
  kind: string,
  name: string,
): Resource | undefined {
  return status?.resources?.find((each) => each.kind === kind && each.name === name);
}
