/** Main module of the single executable (release/executable.ts). It is CommonJS, which has no top-level await. */
import { start } from './start.ts';

void start();
