// Changes, and back: states of something, with the names of what leads from one to the next.

type State<T> = { is: T; key: string; /** What made it of the one before. */ name: string };

/** How many changes can be undone. */
const most = 100;

export class Undo<T> {
  private states: State<T>[] = [];
  private at = -1;

  /** `difference` says in a few words what differs between two states. */
  constructor(private readonly difference: (a: T, b: T) => string) {}

  /** Notes a state, unless it has the key of the present one; what was undone before can no longer be redone then. */
  note(is: T, key: string): boolean {
    const now = this.states[this.at];
    if (now?.key === key) return false;
    const name = now ? this.difference(now.is, is) : '';
    this.states = [...this.states.slice(0, this.at + 1), { is, key, name }].slice(-most - 1);
    this.at = this.states.length - 1;
    return true;
  }

  /** What would be undone; empty when there is nothing. */
  get undoes(): string {
    return this.at > 0 ? this.states[this.at]!.name : '';
  }

  /** What would be redone; empty when there is nothing. */
  get redoes(): string {
    return this.states[this.at + 1]?.name ?? '';
  }

  undo(): T | undefined {
    if (!this.undoes) return;
    this.at--;
    return structuredClone(this.states[this.at]!.is);
  }

  redo(): T | undefined {
    if (!this.redoes) return;
    this.at++;
    return structuredClone(this.states[this.at]!.is);
  }
}
