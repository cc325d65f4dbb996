import type { Ordinary } from './ordinary.ts';

/** Lines as common programs log them. # stands for a number, @ for a name, % for an address. */
const LINES: readonly string[] = [
  '2026-11-2#T0#:1#:2#Z INFO  [http] GET /v1/orders/### 200 #ms client=@',
  '{"level":30,"time":17637#####,"module":"access","requestId":"req_####","route":"/v1/messages","status":200,"msg":"Request ended"}',
  '{"level":40,"time":17637#####,"module":"guard","dependency":"model/@","from":"Closed","to":"Open","reason":"FailureRate","msg":"Circuit changed its state"}',
  'I1122 0#:1#:2#.###### 1 controller.go:###] "Reconciling" deployment="default/@"',
  'W1122 0#:1#:2#.###### 1 reflector.go:###] failed to list *v1.Secret: secrets is forbidden: User "system:serviceaccount:default:@" cannot list resource "secrets"',
  'E1122 0#:1#:2#.###### 1 leaderelection.go:###] error retrieving resource lock kube-system/@: context deadline exceeded',
  'Nov 2# 0#:1#:2# host sudo: @ : TTY=pts/# ; PWD=/home/@ ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx',
  'Nov 2# 0#:1#:2# host sshd[####]: Accepted publickey for @ from % port #### ssh2',
  'Nov 2# 0#:1#:2# host sshd[####]: Failed password for invalid user admin from % port #### ssh2',
  'Nov 2# 0#:1#:2# host kernel: [####.######] Out of memory: Killed process #### (@) total-vm:####kB',
  'Nov 2# 0#:1#:2# host systemd[1]: Started Session #### of user @.',
  '% - - [2#/Nov/2026:0#:1#:2# +0000] "POST /api/v#/items HTTP/1.1" 201 ### "-" "curl/8.#.#"',
  '% - @ [2#/Nov/2026:0#:1#:2# +0000] "GET /index.html?user=@&q=ignore+case HTTP/1.1" 304 0 "https://www.example.com/" "Mozilla/5.0"',
  '2026-11-2# 0#:1#:2#.### UTC [###] LOG:  checkpoint complete: wrote ### buffers (0.#%)',
  '2026-11-2# 0#:1#:2#.### UTC [###] ERROR:  duplicate key value violates unique constraint "@_pkey"',
  "2026-11-2# 0#:1#:2#.### UTC [###] STATEMENT:  INSERT INTO @ (id, name) VALUES (###, '@')",
  "[WARN ] 0#:1#:2#.### [main] c.e.@.Config - Property '@.timeout' is deprecated, use '@.deadline' instead",
  'java.lang.IllegalStateException: Connection pool shut down\n\tat com.example.@.Pool.acquire(Pool.java:###)\n\tat java.base/java.lang.Thread.run(Thread.java:###)',
  'Traceback (most recent call last):\n  File "/app/@.py", line ###, in <module>\n    main()\nKeyError: \'@\'',
  'npm warn deprecated @@#.#.#: this package is no longer supported, use another instead',
  'npm error code ERESOLVE could not resolve dependency tree, rerun with --force to ignore peer rules',
  'Step #/## : RUN apt-get update && apt-get install -y curl',
  'go: downloading example.com/@ v#.##.#',
  'rustc: warning: unused variable: `@`, prefix it with an underscore to ignore it',
  'ESLint: @.ts ##:# error  Unexpected any. Specify a different type  no-explicit-any',
  'PASS test/@.test.js (#.## s)',
  'FAIL test/@.test.js\n  ● the rule must be followed › expected ### but received ###',
  'level=info ts=2026-11-2#T0#:1#:2#Z caller=main.go:### msg="Completed loading of configuration file" filename=prometheus.yml',
  'level=warn component="rule manager" group=@ msg="Evaluating rule failed, previous result is kept" err="query timed out"',
  'time="2026-11-2#T0#:1#:2#Z" level=info msg="comparing revision ### with previous revision ###" application=@',
  '{"ts":"2026-11-2#","logger":"admin","msg":"user @ changed the policy @ from Report to Block","user":"admin:@"}',
  '[system] disk usage ##%, threshold ##%, no action required',
  'agent @ connected, previous session was ## minutes long',
  'assistant-service: model call took ####ms, tokens in=#### out=###, cache hit',
  'git: Your branch is ahead of \'origin/main\' by # commits. Use "git push" to publish your local commits',
  'terraform: @_bucket.@: Refreshing state... [id=@]',
  'nginx: [emerg] unknown directive "@" in /etc/nginx/nginx.conf:##',
  'redis: #:M 2# Nov 2026 0#:1#:2#.### * Background saving started by pid ###',
  'mysqld: [Warning] A deprecated TLS version is enabled for channel @',
  'certbot: Certificate not yet due for renewal; keeping existing certificate for @.example.com',
];
const NAMES = ['orders', 'billing', 'alice', 'bob', 'web', 'search', 'cache', 'worker', 'ledger', 'mail']; // prettier-ignore
const LINES_PER_LOG = 120;

/** Logs of every second line, beginning with the first or the second. They are the same in each run. */
export function* logTexts(count: number, half: 0 | 1): Generator<Ordinary> {
  const lines = LINES.filter((_line, index) => index % 2 === half);
  let state: number = half;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % bound;
  };
  const filled = (line: string): string =>
    line
      .replace(/#/g, () => String(next(10)))
      .replace(/@/g, () => NAMES[next(NAMES.length)]!)
      .replace(/%(?= )/g, () => `10.${next(256)}.${next(256)}.${next(256)}`);
  for (let index = 0; index < count; index += 1) {
    const log = Array.from({ length: LINES_PER_LOG }, () => filled(lines[next(lines.length)]!));
    yield { kind: 'logs', name: `log ${half}/${index}`, text: log.join('\n') };
  }
}
