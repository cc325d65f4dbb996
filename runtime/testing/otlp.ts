/** A span of OTLP in JSON, with its attributes as an object. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
  status: { code?: number };
}

export interface Value {
  stringValue?: string;
  intValue?: number | string;
  doubleValue?: number;
  boolValue?: boolean;
  arrayValue?: { values: Value[] };
}

export type Attributes = { key: string; value: Value }[];

export interface Export {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: (Omit<ReceivedSpan, 'attributes' | 'events'> & {
        attributes?: Attributes;
        events?: { name: string; attributes?: Attributes }[];
      })[];
    }[];
  }[];
}

/** A field of a message of Protocol Buffers on the wire (protobuf.dev/programming-guides/encoding). */
interface Field {
  number: number;
  /** Value of a number of up to 64 bits. */
  value: bigint;
  /** Value of a text, of bytes or of an embedded message. */
  bytes: Buffer;
}

type ExportedScope = Export['resourceSpans'][0]['scopeSpans'][0];
type ExportedSpan = ExportedScope['spans'][0];
type KeyValue = NonNullable<ExportedSpan['attributes']>[0];

/** Decodes an ExportTraceServiceRequest into its form in JSON (opentelemetry-proto, trace.proto). */
export function decodeExport(bytes: Buffer): Export {
  return {
    resourceSpans: all(bytes, 1).map((resourceSpans) => ({
      resource: { attributes: all(first(resourceSpans, 1), 1).map(keyValue) },
      scopeSpans: all(resourceSpans, 2).map((scope) => ({ spans: all(scope, 2).map(span) })),
    })),
  };
}

function span(bytes: Buffer): ExportedSpan {
  const parentSpanId = first(bytes, 4).toString('hex');
  return {
    traceId: first(bytes, 1).toString('hex'),
    spanId: first(bytes, 2).toString('hex'),
    ...(parentSpanId !== '' && { parentSpanId }),
    name: first(bytes, 5).toString(),
    kind: Number(number(bytes, 6)),
    startTimeUnixNano: String(number(bytes, 7)),
    endTimeUnixNano: String(number(bytes, 8)),
    attributes: all(bytes, 9).map(keyValue),
    events: all(bytes, 11).map((event) => ({
      name: first(event, 2).toString(),
      attributes: all(event, 3).map(keyValue),
    })),
    status: { code: Number(number(first(bytes, 15), 3)) },
  };
}

function keyValue(bytes: Buffer): KeyValue {
  return { key: first(bytes, 1).toString(), value: anyValue(first(bytes, 2)) };
}

function anyValue(bytes: Buffer): KeyValue['value'] {
  const [field] = fieldsOf(bytes);
  if (!field) return {};
  switch (field.number) {
    case 1:
      return { stringValue: field.bytes.toString() };
    case 2:
      return { boolValue: field.value === 1n };
    case 3:
      return { intValue: String(BigInt.asIntN(64, field.value)) };
    case 4:
      return { doubleValue: field.bytes.readDoubleLE() };
    case 5:
      return { arrayValue: { values: all(field.bytes, 1).map(anyValue) } };
    default:
      throw new Error(`a value of kind ${field.number}`);
  }
}

function all(bytes: Buffer, wanted: number): Buffer[] {
  return fieldsOf(bytes).flatMap((field) => (field.number === wanted ? [field.bytes] : []));
}

function first(bytes: Buffer, wanted: number): Buffer {
  return all(bytes, wanted)[0] ?? Buffer.alloc(0);
}

function number(bytes: Buffer, wanted: number): bigint {
  return fieldsOf(bytes).find((field) => field.number === wanted)?.value ?? 0n;
}

function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(at, (at += length));
  while (at < message.length) {
    const tag = Number(varint());
    const [field, wire] = [tag >> 3, tag & 7];
    if (wire === 0) fields.push({ number: field, value: varint(), bytes: Buffer.alloc(0) });
    else if (wire === 2) fields.push({ number: field, value: 0n, bytes: take(Number(varint())) });
    else fields.push(fixed(field, take(wire === 1 ? 8 : 4)));
  }
  return fields;
}

function fixed(field: number, bytes: Buffer): Field {
  const value = bytes.length === 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUInt32LE());
  return { number: field, value, bytes };
}
