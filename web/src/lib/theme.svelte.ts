// Light, dark, or as the system says.
import { recall, remember } from './memory';

export type Choice = 'auto' | 'light' | 'dark';

const order: Choice[] = ['auto', 'light', 'dark'];

export class Theme {
  choice = $state<Choice>(order.find((c) => c === recall('theme')) ?? 'auto');
  private system = $state(false);
  readonly dark = $derived(this.choice === 'dark' || (this.choice === 'auto' && this.system));

  constructor() {
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.system = query.matches;
    query.addEventListener('change', () => (this.system = query.matches));
  }

  next(): void {
    this.choose(order[(order.indexOf(this.choice) + 1) % order.length]!);
  }

  private choose(choice: Choice): void {
    this.choice = choice;
    remember('theme', choice === 'auto' ? '' : choice);
    if (choice === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  }
}
