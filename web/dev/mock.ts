// A made-up server for `npm run dev`: enough to see the page move, with no state but the clock. Any read or admin key signs in.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import * as answers from './answers.ts';

export function mock(): Plugin {
  return {
    name: 'freshet-mock',
    apply: 'serve',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith('/v1/')) void handle(request, response);
        else next();
      });
    },
  };
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const key = (request.headers.authorization ?? '').replace('Bearer ', '');
  if (!/^f[ra]_/.test(key)) return problem(response, 401, 'unknown_key', 'this key is not known here');
  let body = '';
  for await (const chunk of request) body += chunk;
  const admin = key.startsWith('fa_');
  switch (url.pathname) {
    case '/v1/me':
      return json(response, { kind: admin ? 'admin' : 'read', project: answers.projects[0] });
    case '/v1/projects':
      return json(response, { projects: answers.projects });
    case '/v1/projects/1/keys':
      return json(response, { keys: answers.keys });
    case '/v1/cohorts':
      return json(response, { cohorts: [] });
    case '/v1/insights':
      return json(response, { insights: [] });
    case '/v1/audit':
      return json(response, { entries: [] });
    case '/v1/schema':
      return json(response, answers.schema);
    case '/v1/ledger':
      return json(response, answers.ledger());
    case '/v1/deadletters':
      return json(response, answers.deadLetters());
    case '/v1/deadletters/replay':
      return json(response, answers.replay(JSON.parse(body)));
    case '/v1/events':
      return json(response, answers.liveEvents(50));
    case '/v1/live':
      return live(response);
    case '/v1/query': {
      const question = JSON.parse(body);
      if ((question.kind ?? 'trends') !== 'trends') {
        return problem(response, 501, 'made_up', `the made-up server knows no ${question.kind}; give a real one in FRESHET_URL`);
      }
      if (question.series?.[0]?.events?.[0] === 'broken') {
        return problem(response, 400, 'unknown_property', 'no event has the property "amuont"', 'series[0].property');
      }
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.end(`event: answer\ndata: ${JSON.stringify(answers.trends(question))}\n\n`);
      return;
    }
  }
  problem(response, 404, 'not_found', `there is no ${url.pathname}`);
}

function live(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const send = (name: string, data: unknown) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  const timers = [
    setInterval(() => send('events', answers.liveEvents(1 + Math.floor(Math.random() * 4))), 400),
    setInterval(() => send('status', answers.status()), 1000),
  ];
  response.on('close', () => timers.forEach(clearInterval));
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function problem(response: ServerResponse, status: number, code: string, detail: string, field?: string): void {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ type: 'about:blank', title: 'Problem', status, code, detail, field }));
}
