import { describe, expect, it } from 'vitest';
import { backoff, Parser, read, type Message } from './sse';

describe('Parser', () => {
  it('gives the same messages wherever the text is cut', () => {
    const text = 'event: events\r\nid: 7\r\ndata: {"a":"ü"}\r\n\r\n: a comment\ndata:one\ndata: two\n\nevent: status\rdata\r\rx';
    const want: Message[] = [
      { event: 'events', data: '{"a":"ü"}' },
      { event: 'message', data: 'one\ntwo' },
      { event: 'status', data: '' },
    ];
    for (let size = 1; size <= text.length; size++) {
      const parser = new Parser();
      const got: Message[] = [];
      for (let at = 0; at < text.length; at += size) got.push(...parser.push(text.slice(at, at + size)));
      expect(got, `in pieces of ${size}`).toEqual(want);
    }
  });

  it('says nothing about a message that is not over', () => {
    expect(new Parser().push('data: half')).toEqual([]);
  });

  it('forgets the name of a message without data', () => {
    expect(new Parser().push('event: a\n\ndata: x\n\n')).toEqual([{ event: 'message', data: 'x' }]);
  });

  it('gives up on a message that would never fit', () => {
    const parser = new Parser();
    expect(() => {
      for (let i = 0; i < 10; i++) parser.push(`data: ${'x'.repeat(1 << 20)}\n`);
    }).toThrow('too large');
  });
});

describe('read', () => {
  it('puts a character together that was cut in two', async () => {
    const bytes = new TextEncoder().encode('data: ü\n\n');
    const cut = bytes.indexOf(0xc3) + 1;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes.slice(0, cut));
        controller.enqueue(bytes.slice(cut));
        controller.close();
      },
    });
    const got: Message[] = [];
    await read(body, (message) => got.push(message));
    expect(got).toEqual([{ event: 'message', data: 'ü' }]);
  });
});

describe('backoff', () => {
  it('grows to a bound and spreads', () => {
    expect(backoff(0, () => 0)).toBe(375);
    expect(backoff(0, () => 1)).toBe(625);
    expect(backoff(3, () => 0.5)).toBe(4000);
    expect(backoff(1000, () => 0.5)).toBe(15_000);
  });
});
