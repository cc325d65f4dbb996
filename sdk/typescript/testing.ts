export { answering, failing, message, testEnvironment } from './testEnvironment.ts';
export type { TestEnvironment, TestModel, TestOptions, TestTool } from './testEnvironment.ts';
