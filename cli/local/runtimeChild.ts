/** The agent runtime as a child of `breakwater local`. It ends with its parent. */
process.on('disconnect', () => process.exit(0));
await import('../../runtime/main.ts');
