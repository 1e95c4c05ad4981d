// A server of its own for the tests of a file, with the sample app's events in it.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const binary = resolve(process.env.FRESHET ?? '../bin/freshet');

function serve(data: string, listen: string, options: string[]): ChildProcess {
  return spawn(binary, ['serve', `--listen=${listen}`, '--admin-listen=', `--data=${data}`, '--log-level=error', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

export class Server {
  private constructor(
    private process: ChildProcess,
    private readonly data: string,
    readonly url: string,
    readonly write: string,
    readonly admin: string,
    /** The link that the server prints, which signs in to read. */
    readonly link: string,
  ) {}

  /** Starts a server on a folder of its own, with further options of the command line. */
  static async start(...options: string[]): Promise<Server> {
    const data = mkdtempSync(join(tmpdir(), 'freshet-ui-'));
    const child = serve(data, '127.0.0.1:0', options);
    const said = await new Promise<string>((done, failed) => {
      let text = '';
      child.once('exit', (code) => failed(new Error(`the server ended with ${code}: ${text}`)));
      child.stdout!.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (/Metrics\s+http/.test(text)) done(text);
      });
    });
    const find = (pattern: RegExp) => pattern.exec(said)?.[0] ?? '';
    const link = find(/http:\/\/\S+#key=\S+/);
    const server = new Server(child, data, new URL(link).origin, find(/fw_\w+/), find(/fa_\w+/), link);
    await server.answers('/v1/schema'); // it says its addresses, and takes events, before it has opened the store
    return server;
  }

  /** Ends the process, which is all that happens to the data. */
  async halt(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = new Promise((done) => this.process.once('exit', done));
    this.process.kill('SIGTERM');
    await ended;
  }

  /** Starts again where it was, with other options, and waits until it answers. */
  async restart(...options: string[]): Promise<void> {
    await this.halt();
    this.process = serve(this.data, new URL(this.url).host, options);
    this.process.stdout!.resume();
    await this.answers('/v1/schema');
  }

  /** Waits until a path is answered as it should be. */
  private async answers(path: string): Promise<void> {
    const answers = async () => (await fetch(this.url + path, { headers: { Authorization: `Bearer ${this.admin}` } })).ok;
    while (!(await answers().catch(() => false))) {
      if (this.process.exitCode !== null) throw new Error(`the server ended with ${this.process.exitCode}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** Sends the sample app's events of the last days, and waits until they count. */
  async fill(events: number): Promise<void> {
    await promisify(execFile)(binary, ['demo', '--url', this.url, '--key', this.write, '--read-key', this.admin, `--events=${events}`]);
  }

  async api<T>(method: string, path: string, body?: unknown, key = this.admin): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.data, { recursive: true });
  }
}
