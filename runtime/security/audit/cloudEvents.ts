import type { SealedEvent } from '../../../contract/audit.ts';
import type { BatchFormat } from './webhookSink.ts';

/** Events in the JSON format of CloudEvents 1.0. A repeated event has the same id. */
export const CLOUD_EVENTS: BatchFormat = {
  contentType: 'application/cloudevents-batch+json',
  body: (lines) => `[${lines.map(cloudEvent).join(',')}]`,
};

function cloudEvent(line: string): string {
  const { metadata, time } = JSON.parse(line) as SealedEvent;
  const attributes = JSON.stringify({
    specversion: '1.0',
    id: metadata.uid,
    source: `/${metadata.source}`,
    type: `dev.breakwater.audit.${metadata.event_code}`,
    time: new Date(time).toISOString(),
    datacontenttype: 'application/json',
  });
  return `${attributes.slice(0, -1)},"data":${line}}`;
}
