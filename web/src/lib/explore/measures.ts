// The measures of sessions: what they are called, and the pictures of them.
import type { SessionsAnswer } from './answers';
import type { Form, Measure } from './form';
import { specOf, type Choice } from './kinds';
import { resolve } from './property';

const prefix = 'measure';

/** What a measure is called where it has no name: as the server does it. */
export const nameOf = ({ label, property, events }: Measure): string =>
  label || (property ? resolve(property).property : events.join(', ')) || 'All events';

/** The pictures of a question: those of its kind, and one for each measure of sessions. */
export function viewsOf(form: Form): Choice[] {
  const { views } = specOf(form.kind);
  return [...views, ...form.measures.map((m, i) => ({ value: `${prefix}${i + 1}`, label: `${nameOf(m)} a session` }))];
}

/** Which measure of an answer a picture is of, from 0; undefined for every other picture. */
export function measureIn(answer: SessionsAnswer, view: string): number | undefined {
  const i = Number(view.slice(prefix.length)) - 1;
  return view.startsWith(prefix) && answer.question.measures?.[i] ? i : undefined;
}
