import { expect, it } from '@jest/globals';
import { Listener } from './listener.ts';
import { Recording } from './recording.ts';

it('a recording joins small chunks, and gives every reader all bytes once', () => {
  const recording = new Recording(1_000_000);
  const got: Buffer[] = [];
  const sink = {
    blocked: false,
    head: () => undefined,
    write: (chunk: Buffer) => void got.push(Buffer.from(chunk)),
    end: () => undefined,
  };
  const listener = new Listener(recording, {
    ...{ sink, headers: [], hidden: new Set<string>() },
  });
  const sizes = [1, 1, 5000, 3, 4095, 4096, 2, ...Array.from({ length: 20_000 }, () => 1)];
  const all = sizes.map((size, i) => Buffer.alloc(size, i));
  for (const [i, chunk] of all.entries()) {
    recording.add(chunk);
    if (i % 3 === 0) void listener.catchUp();
  }
  void listener.catchUp();
  expect(Buffer.concat(got).equals(Buffer.concat(all))).toBe(true);
  expect(recording.length).toBeLessThan(20);
  expect(recording.body().equals(Buffer.concat(all))).toBe(true);
  recording.forget();
  const last = Buffer.from('last');
  recording.add(last);
  void listener.catchUp();
  expect(Buffer.concat(got).equals(Buffer.concat([...all, last]))).toBe(true);
});
