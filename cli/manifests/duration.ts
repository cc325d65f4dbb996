/** Durations on the command line are written as in manifests. */
export { parsePositiveDuration } from '../../operator/desired/common/duration.ts';
