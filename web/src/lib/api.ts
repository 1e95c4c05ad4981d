// One client for the API: it adds the key and the project, and turns every refusal into a Problem.
import { asProblem, aborted, readProblem } from './problem';

export type Parameters = Record<string, string | number | undefined>;

type Headers = Record<string, string>;

export class Client {
  constructor(
    /** The key at hand, which another one may take the place of; empty for what needs none. */
    private readonly key: () => string,
    /** The project that an admin key acts on; the key's own when undefined. */
    private readonly project: () => number | undefined = () => undefined,
  ) {}

  url(path: string, parameters: Parameters = {}): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries<string | number | undefined>({ ...parameters, project: this.project() })) {
      if (value !== undefined && value !== '') query.set(name, String(value));
    }
    const text = query.toString();
    return text ? `${path}?${text}` : path;
  }

  get<T>(path: string, parameters?: Parameters, signal?: AbortSignal): Promise<T> {
    return this.send<T>('GET', this.url(path, parameters), undefined, signal);
  }

  post<T>(path: string, body: unknown, signal?: AbortSignal, parameters?: Parameters): Promise<T> {
    return this.send<T>('POST', this.url(path, parameters), JSON.stringify(body), signal);
  }

  async patch<T>(path: string, body: unknown, headers: Headers = {}, signal?: AbortSignal): Promise<T> {
    const response = await this.open('PATCH', this.url(path), JSON.stringify(body), signal, 'application/json', headers);
    return (await response.json()) as T;
  }

  async put<T>(path: string, body: unknown, headers: Headers = {}): Promise<T> {
    const response = await this.open('PUT', this.url(path), JSON.stringify(body), undefined, 'application/json', headers);
    return (await response.json()) as T;
  }

  async delete(path: string, headers: Headers = {}): Promise<void> {
    await this.open('DELETE', this.url(path), undefined, undefined, 'application/json', headers);
  }

  /** Asks for a file, and waits until all of it is there. */
  async download(path: string, body: unknown, signal: AbortSignal, parameters: Parameters): Promise<Blob> {
    const response = await this.open('POST', this.url(path, parameters), JSON.stringify(body), signal, '*/*');
    return response.blob();
  }

  /** Opens a response whose body arrives over time. */
  stream(path: string, signal: AbortSignal, parameters: Parameters = {}): Promise<Response> {
    return this.open('GET', this.url(path, parameters), undefined, signal, 'text/event-stream');
  }

  /** Posts, and opens a response whose body arrives over time. */
  told(path: string, body: unknown, signal: AbortSignal, parameters: Parameters = {}): Promise<Response> {
    return this.open('POST', this.url(path, parameters), JSON.stringify(body), signal, 'text/event-stream');
  }

  private async send<T>(method: string, url: string, body?: string, signal?: AbortSignal): Promise<T> {
    const response = await this.open(method, url, body, signal, 'application/json');
    return (await response.json()) as T;
  }

  private async open(
    method: string,
    url: string,
    body: string | undefined,
    signal: AbortSignal | undefined,
    accept: string,
    more: Headers = {},
  ): Promise<Response> {
    const headers: Headers = { ...more, Accept: accept };
    const key = this.key();
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    try {
      const response = await fetch(url, { method, headers, body, signal, cache: 'no-cache', credentials: 'omit' });
      if (response.ok) return response;
      throw readProblem(response.status, await response.text(), response.headers.get('Retry-After'));
    } catch (error) {
      if (aborted(error)) throw error;
      throw asProblem(error);
    }
  }
}
