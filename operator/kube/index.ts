/** A small Kubernetes client runtime with controller-runtime's semantics. */
export * from './client.ts';
export * from './clock.ts';
export * from './config.ts';
export * from './controller.ts';
export * from './discovery.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './informer.ts';
export { AS_TEXT, type Packing } from './store.ts';
export * from './key.ts';
export * from './leader.ts';
export * from './optionalInformer.ts';
export * from './portForward.ts';
export * from './resource.ts';
export * from './slices.ts';
export * from './transport.ts';
export type * from './types.ts';
export * from './workqueue.ts';
