// Who is signed in, for which project, and how that project writes times.
import { Client } from './api';
import { Formats } from './format';
import { takeKey } from './key';
import { recall, remember } from './memory';
import { asProblem, Problem } from './problem';
import { projectIn } from './explore/address';
import type { ProjectsAnswer } from './openapi';
import type { Router } from './router.svelte';
import type { Me, Project } from './types';

export type State = 'signed-out' | 'connecting' | 'ready' | 'failed';

export class Session {
  state = $state<State>('signed-out');
  problem = $state<Problem>();
  me = $state.raw<Me>();
  projects = $state.raw<Project[]>([]);
  private key = $state('');

  constructor(private readonly router: Router) {}

  private readonly wanted = $derived.by(() => projectIn(this.router.search));

  /** The project that the address names, or the one that the key begins with. */
  readonly project = $derived.by((): Project | undefined => {
    const of = (id: number | undefined) => this.projects.find((p) => p.id === id);
    return of(this.wanted) ?? of(this.me?.project?.id) ?? this.me?.project ?? this.projects[0];
  });

  /** The project that the address names when it is not the one that is shown: it is gone, or the key is for another. */
  readonly elsewhere = $derived(this.project && this.wanted !== this.project.id ? this.wanted : undefined);

  readonly formats = $derived(new Formats(this.project?.timezone ?? 'UTC'));

  get admin(): boolean {
    return this.me?.kind === 'admin';
  }

  /** Asks with the key of the moment. Without a project it is for what is the server's. */
  clientOf(project?: number): Client {
    return new Client(() => this.key, () => (this.admin ? project : undefined));
  }

  /** Finds the key: the address's, else the remembered one. The address loses it, so that it is in no shared link. */
  async start(): Promise<void> {
    const { key, rest } = takeKey(location.hash);
    if (key) this.router.note(location.pathname + location.search + rest, true);
    const use = key || recall('key');
    if (use) await this.signIn(use);
  }

  async signIn(key: string): Promise<void> {
    this.key = key;
    this.state = 'connecting';
    this.problem = undefined;
    try {
      await this.identify(key);
      this.state = 'ready';
    } catch (error) {
      this.problem = asProblem(error);
      if (this.problem.unauthorized || this.problem.status === 403) this.forget();
      else this.state = 'failed';
    }
  }

  /** Goes on with an admin key in the place of a read key; the page and what is written on it stay as they are. */
  async elevate(key: string): Promise<void> {
    await this.identify(key, this.project);
  }

  /** Asks whose the key is, and takes it if it is good and opens the project that is to stay. */
  private async identify(key: string, stays?: Project): Promise<void> {
    const client = new Client(() => key);
    const me = await client.get<Me>('/v1/me');
    const projects = me.kind === 'admin' ? await projectsOf(client) : [];
    if (stays && !projects.some((p) => p.id === stays.id)) throw new Problem(403, `this key does not open ${stays.name}`);
    if (stays && projects.length > 1) this.router.name(stays.id);
    [this.key, this.me, this.projects] = [key, me, projects];
    remember('key', key);
  }

  /** Tries the same key again, after the server could not be reached. */
  retry(): Promise<void> {
    return this.signIn(this.key);
  }

  /** The project as an address has to name it; undefined when the key alone says it. */
  get named(): number | undefined {
    return this.admin && this.projects.length > 1 ? this.project?.id : undefined;
  }

  /** Asks again which projects there are and what is set for them, after somebody changed it. */
  async refresh(): Promise<void> {
    if (this.admin) this.projects = await projectsOf(this.clientOf());
  }

  /** Signs out when the server no longer takes the key; any part of the page may find that out. */
  notice(problem: Problem): void {
    if (!problem.unauthorized) return;
    this.problem = problem;
    this.forget();
  }

  signOut(): void {
    this.problem = undefined;
    this.forget();
  }

  private forget(): void {
    remember('key', '');
    this.key = '';
    this.me = undefined;
    this.projects = [];
    this.state = 'signed-out';
  }
}

async function projectsOf(client: Client): Promise<Project[]> {
  return (await client.get<ProjectsAnswer>('/v1/projects')).projects;
}
