// What went wrong, in the words of the server where it has any.

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly code = '',
    readonly field = '',
    /** Seconds after which another try makes sense; 0 when the server did not say. */
    readonly wait = 0,
  ) {
    super(detail);
    this.name = 'Problem';
  }

  get unauthorized(): boolean {
    return this.status === 401;
  }

  /** It is likely to pass by itself within seconds. What took too long would take as long again. */
  get passes(): boolean {
    return [0, 429, 502, 503].includes(this.status);
  }
}

/** Reads application/problem+json; anything else becomes a sentence with the status. */
export function readProblem(status: number, body: string, retryAfter: string | null): Problem {
  const wait = Math.max(0, Number(retryAfter ?? 0) || 0);
  try {
    const json: unknown = JSON.parse(body);
    if (json && typeof json === 'object') {
      const text = (key: string) => {
        const value = (json as Record<string, unknown>)[key];
        return typeof value === 'string' ? value : '';
      };
      const detail = text('detail') || text('title');
      if (detail) return new Problem(status, detail, text('code'), text('field'), wait);
    }
  } catch {
    // Not JSON: a proxy's page, most likely. Its text would not help.
  }
  return new Problem(status, `the server answered with status ${status}`, '', '', wait);
}

/** Turns whatever was thrown into a Problem; fetch throws a TypeError when there is no connection. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return new Problem(0, 'the server cannot be reached', 'unreachable');
  return new Problem(0, error instanceof Error ? error.message : String(error));
}

export function aborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
