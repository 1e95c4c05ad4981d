// Server-sent events, read from a fetch body: EventSource cannot send an Authorization header.

export type Message = { event: string; data: string };

/** A message larger than this ends the stream: a page that watches for days must not grow. */
const limit = 8 << 20;

/** Splits text that arrives in arbitrary pieces into messages. */
export class Parser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private size = 0;

  constructor(private readonly most = limit) {}

  /** Takes the next piece and returns the messages that it completes. */
  push(chunk: string): Message[] {
    this.rest += chunk;
    const done: Message[] = [];
    for (;;) {
      const end = this.rest.search(/\r\n|\n|\r/);
      // A lone \r at the very end may be half of a \r\n.
      if (end < 0 || (this.rest[end] === '\r' && end === this.rest.length - 1)) break;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      this.line(line, done);
    }
    if (this.rest.length + this.size > this.most) throw new Error('a message of the stream is too large');
    return done;
  }

  private line(line: string, done: Message[]): void {
    if (line === '') {
      if (this.data.length > 0) done.push({ event: this.event || 'message', data: this.data.join('\n') });
      this.event = '';
      this.data = [];
      this.size = 0;
      return;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.event = value;
    if (name === 'data') {
      this.data.push(value);
      this.size += value.length;
    }
  }
}

/** Reads messages until the body ends, the signal aborts, or a piece cannot be understood. */
export async function read(
  body: ReadableStream<Uint8Array>,
  take: (message: Message) => void,
  most = limit,
): Promise<void> {
  const parser = new Parser(most);
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const message of parser.push(decoder.decode(value, { stream: true }))) take(message);
    }
  } finally {
    reader.releaseLock();
  }
}

/** How long to wait before the next try, in ms: doubling from half a second to 15 s, with jitter. */
export function backoff(tries: number, random: () => number = Math.random): number {
  return Math.min(15_000, 500 * 2 ** Math.min(tries, 10)) * (0.75 + random() / 2);
}
