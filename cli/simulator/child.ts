/**
 * Simulated models as a child of `breakwater local`: one on each port in the arguments. Tells its parent when they
 * listen and ends with its parent. It ignores signals of the terminal, because agents that drain still need their
 * models.
 */
import { startModel } from './model.ts';

process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));

await Promise.all(process.argv.slice(2).map((port) => startModel({ port: Number(port) })));
process.send?.('ready');
