import { createHash } from 'node:crypto';
import { MOUNTS } from '../../../contract/link.ts';
import { mountName } from '../../../contract/mounts.ts';
import { byText } from '../common/wording.ts';
import { credentialDirectory } from '../configuration/authentication.ts';
import { tokenDirectory, tokenVolume } from '../configuration/identity.ts';
import { secretDirectory, type SecretKeyRef } from '../configuration/secretHeaders.ts';
import type { Volume } from './objects.ts';
import type { PodChoices } from './podChoices.ts';

/** A volume and its mount in the runtime's container. */
export interface Mounted {
  volume: Volume;
  mount: { name: string; mountPath: string; readOnly?: true };
}

/**
 * The mounted Secrets and ConfigMaps of a spec. All are optional, so that pods start without them: the runtime reports a
 * missing one, and uses it as soon as it exists.
 */
export function referenceMounts(choices: PodChoices): Mounted[] {
  const { apiKeys, secrets, systemPrompt, trustedCA, clients } = choices;
  return [
    ...apiKeys.map(({ endpoint, secret: { name, key } }) =>
      mounted(credentialDirectory({ name: endpoint }), {
        name: `credential-${endpoint}`,
        secret: { secretName: name, optional: true, items: items([key]) },
      }),
    ),
    ...secretMounts(secrets),
    ...(systemPrompt === undefined ? [] : [configMapMount('prompt', MOUNTS.prompt, systemPrompt)]),
    ...(trustedCA === undefined ? [] : [configMapMount('trusted-ca', MOUNTS.trustedCA, trustedCA)]),
    ...(clients === undefined
      ? []
      : [
          mounted(MOUNTS.callers, {
            name: 'callers',
            secret: { secretName: clients.name, optional: true },
          }),
        ]),
  ];
}

/** Lifetime of a token for a cloud, in seconds. The kubelet renews it at 80 % of that. */
const TOKEN_SECONDS = 3600;

/** A token of the ServiceAccount for each audience. Only the runtime's container has them. */
export function tokenMounts({ audiences = [] }: PodChoices): Mounted[] {
  return audiences.map((audience) => {
    const token = { audience, expirationSeconds: TOKEN_SECONDS, path: MOUNTS.tokenKey };
    return mounted(tokenDirectory(audience), {
      name: tokenVolume(audience),
      projected: { sources: [{ serviceAccountToken: token }] },
    });
  });
}

/** The volume of the audit's files, if it has any. */
export function auditMount({ auditVolume }: PodChoices): Mounted[] {
  if (auditVolume === undefined) return [];
  const { claimName } = auditVolume;
  const source =
    claimName === undefined ? { emptyDir: {} } : { persistentVolumeClaim: { claimName } };
  return [
    {
      volume: { name: 'audit', ...source },
      mount: { name: 'audit', mountPath: MOUNTS.audit },
    },
  ];
}

interface Sources {
  secret?: { secretName: string; items?: { path: string }[] };
  configMap?: { name: string; items?: { path: string }[] };
}

/** The names by which a configuration refers to these mounts, see contract/mounts.ts. */
export function mountNames(mounts: readonly Mounted[]): string[] {
  return mounts
    .flatMap(({ volume, mount: { mountPath } }) => {
      const { secret, configMap } = volume as Sources;
      const source = secret?.secretName ?? configMap?.name;
      const { items: keys } = secret ?? configMap ?? {};
      return keys
        ? keys.map(({ path }) => mountName(`${mountPath}/${path}`, source))
        : mountName(mountPath, source);
    })
    .sort(byText);
}

/** One volume for each Secret, with the keys that are used. */
function secretMounts(refs: readonly SecretKeyRef[]): Mounted[] {
  return [...Map.groupBy(refs, ({ name }) => name)]
    .sort(([a], [b]) => byText(a, b))
    .map(([secretName, uses]) => {
      const keys = [...new Set(uses.map(({ key }) => key))].sort(byText);
      const secret = { secretName, optional: true, items: items(keys) };
      return mounted(secretDirectory(secretName), { name: volumeName(secretName), secret });
    });
}

function configMapMount(volume: string, path: string, { name, key }: SecretKeyRef): Mounted {
  const configMap = { name, optional: true, items: items([key]) };
  return mounted(path, { name: volume, configMap });
}

function mounted(mountPath: string, volume: Volume): Mounted {
  return { volume, mount: { name: volume.name, mountPath, readOnly: true } };
}

function items(keys: readonly string[]): { key: string; path: string }[] {
  return keys.map((key) => ({ key, path: key }));
}

/** The name of a Secret can be longer than a volume's and contain dots. */
function volumeName(secret: string): string {
  return `header-${createHash('sha256').update(secret).digest('hex').slice(0, 16)}`;
}
