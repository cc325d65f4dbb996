// What `helm test` runs in the cluster: are the kinds served, and does an operator lead?
import { readFileSync } from 'node:fs';

const { env } = process;
const mounted = (name) =>
  readFileSync(`/var/run/secrets/kubernetes.io/serviceaccount/${name}`, 'utf8').trim();
const server = `https://${env.KUBERNETES_SERVICE_HOST.includes(':') ? `[${env.KUBERNETES_SERVICE_HOST}]` : env.KUBERNETES_SERVICE_HOST}:${env.KUBERNETES_SERVICE_PORT}`;

async function get(path) {
  const answer = await fetch(server + path, {
    headers: { authorization: `Bearer ${mounted('token')}` },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${body.message}`);
  return body;
}

async function check() {
  const named = env.WATCH_NAMESPACES.split(',').filter((name) => name !== '');
  const scopes = named.length > 0 ? named.map((name) => `/namespaces/${name}`) : [''];
  for (const scope of scopes)
    for (const kind of ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'])
      await get(`/apis/breakwater.dev/v1alpha1${scope}/${kind}?limit=1`);
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${mounted('namespace')}/leases`;
  const { spec } = await get(`${leases}/${env.LEASE_NAME}`);
  const age = (Date.now() - Date.parse(spec.renewTime)) / 1000;
  if (!spec.holderIdentity || age > spec.leaseDurationSeconds)
    throw new Error(
      `no operator leads: the Lease ${env.LEASE_NAME} was last renewed ${Math.round(age)} s ago`,
    );
  return `The API is served; ${spec.holderIdentity} leads.`;
}

let problem;
for (let attempt = 0; attempt < 30; attempt += 1) {
  try {
    console.log(await check());
    process.exit(0);
  } catch (error) {
    problem = error.cause?.message ?? error.message;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
console.error(problem);
process.exit(1);
