// Who is signed in, for which project, and how that project writes times.
import { Client } from './api';
import { Formats } from './format';
import { takeKey } from './key';
import { recall, remember } from './memory';
import { asProblem, type Problem } from './problem';
import { projectIn } from './explore/address';
import type { ProjectsAnswer } from './openapi';
import type { Me, Project } from './types';

export type State = 'signed-out' | 'connecting' | 'ready' | 'failed';

export class Session {
  state = $state<State>('signed-out');
  problem = $state<Problem>();
  me = $state.raw<Me>();
  projects = $state.raw<Project[]>([]);
  project = $state.raw<Project>();
  private key = $state('');

  readonly client = $derived(new Client(this.key, this.admin ? this.project?.id : undefined));
  /** For what is the server's rather than a project's: no project is named. */
  readonly control = $derived(new Client(this.key));
  readonly formats = $derived(new Formats(this.project?.timezone ?? 'UTC'));

  get admin(): boolean {
    return this.me?.kind === 'admin';
  }

  /** Finds the key: the address's, else the remembered one. The address loses it, so that it is in no shared link. */
  async start(): Promise<void> {
    const { key, rest } = takeKey(location.hash);
    if (key) history.replaceState(null, '', location.pathname + location.search + rest);
    const use = key || recall('key');
    if (use) await this.signIn(use);
  }

  async signIn(key: string): Promise<void> {
    this.key = key;
    this.state = 'connecting';
    this.problem = undefined;
    try {
      await this.identify(new Client(key));
      remember('key', key);
      this.state = 'ready';
    } catch (error) {
      this.problem = asProblem(error);
      if (this.problem.unauthorized || this.problem.status === 403) this.forget();
      else this.state = 'failed';
    }
  }

  private async identify(client: Client): Promise<void> {
    this.me = await client.get<Me>('/v1/me');
    this.projects = this.admin ? await projectsOf(client) : [];
    const wanted = projectIn(location.search);
    const chosen = this.projects.find((p) => p.id === wanted) ?? this.me.project ?? this.projects[0];
    this.project = chosen;
  }

  /** Tries the same key again, after the server could not be reached. */
  retry(): Promise<void> {
    return this.signIn(this.key);
  }

  choose(id: number): void {
    this.project = this.projects.find((p) => p.id === id) ?? this.project;
  }

  /** The project as an address has to name it; undefined when the key alone says it. */
  get named(): number | undefined {
    return this.admin && this.projects.length > 1 ? this.project?.id : undefined;
  }

  /** Asks again which projects there are and what is set for them, after somebody changed it. */
  async refresh(): Promise<void> {
    this.projects = this.admin ? await projectsOf(this.control) : this.projects;
    this.project = this.projects.find((p) => p.id === this.project?.id) ?? this.project;
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
    this.project = undefined;
    this.state = 'signed-out';
  }
}

async function projectsOf(client: Client): Promise<Project[]> {
  return (await client.get<ProjectsAnswer>('/v1/projects')).projects;
}
