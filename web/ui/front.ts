// Stands in front of a server, and answers what it is told to as that one answers something long: with a progress that comes to no end.
import { createServer, request, type Server as Listener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server } from './server';

export class Front {
  /** What comes to no end. */
  slow?: RegExp;
  /** How many of those who waited have left. */
  left = 0;

  private constructor(
    private readonly listener: Listener,
    /** The server as it is seen from here. */
    readonly server: Server,
  ) {}

  static async before(server: Server): Promise<Front> {
    const listener = createServer((asked, response) => {
      if (front.slow?.test(`${asked.method} ${asked.url}`)) {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write(`event: progress\ndata: ${JSON.stringify({ phase: 'reading', fraction: 0.25, rows: 2_500_000 })}\n\n`);
        response.on('close', () => front.left++);
        return;
      }
      const behind = request(server.url + asked.url!, { method: asked.method, headers: asked.headers }, (from) => {
        response.writeHead(from.statusCode!, from.headers);
        from.pipe(response);
      });
      behind.on('error', () => response.destroy());
      response.on('close', () => behind.destroy());
      asked.pipe(behind);
    });
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    const front: Front = new Front(listener, Object.assign(Object.create(server) as Server, { url }));
    return front;
  }

  async close(): Promise<void> {
    this.listener.closeAllConnections();
    await new Promise((done) => this.listener.close(done));
  }
}
