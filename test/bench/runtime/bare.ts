/** The minimum of any Node program: passes requests through node:http with kept connections. */
import { Agent, createServer, request } from 'node:http';

const [, , from, to] = process.argv;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

createServer((incoming, answer) => {
  const { method, url, headers } = incoming;
  const outgoing = request(
    { host: '127.0.0.1', port: Number(to), method, path: url, headers, agent },
    (response) => {
      answer.writeHead(response.statusCode!, response.rawHeaders);
      response.pipe(answer);
    },
  );
  outgoing.on('error', () => answer.destroy());
  incoming.pipe(outgoing);
}).listen(Number(from), '127.0.0.1');
