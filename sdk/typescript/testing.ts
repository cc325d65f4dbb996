export { answering, calling, failing, testEnvironment } from './testEnvironment.ts';
export type { TestEnvironment, TestModel, TestOptions, TestTool } from './testEnvironment.ts';
