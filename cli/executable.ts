/** The command as a single executable, see release/executable.ts. It is CommonJS, where nothing waits at the top level. */
import { start } from './start.ts';

void start();
