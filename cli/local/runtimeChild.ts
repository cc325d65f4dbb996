/** The agent runtime as a child of `breakwater local`: it ends when its parent is gone. */
process.on('disconnect', () => process.exit(0));
await import('../../runtime/main.ts');
