// A question, and an answer's time, in a few words, for headings and files.
import { aggregates } from '../catalogue';
import type { Formats } from '../format';
import type { Answer } from './answers';
import type { Form, Selection } from './form';

const events = (s: Selection | undefined, none: string) => (s && s.events.length > 0 ? s.events.join(' or ') : none);

export function titleOf(form: Form): string {
  const s = form.selections;
  switch (form.kind) {
    case 'trends':
      return form.series
        .slice(0, 3)
        .map((one) => {
          const what = aggregates.find((a) => a.value === one.aggregate);
          const of = what?.property && one.property ? ` ${one.property}` : '';
          return `${what?.label ?? one.aggregate}${of}, ${events(one, 'all events')}`;
        })
        .join('; ');
    case 'funnel':
      return form.steps.map((step) => step.label || events(step, 'any event')).join(' → ');
    case 'retention':
      return `Retention: ${events(s.start, 'any event')} → ${events(s.return, events(s.start, 'any event'))}`;
    case 'lifecycle':
      return `Lifecycle of ${events(s.active, 'any event')}`;
    case 'stickiness':
      return `Stickiness of ${events(s.active, 'any event')}`;
    case 'paths': {
      if (form.extra.funnel) return 'Paths of a funnel';
      const anchor = [['from', 'after'], ['to', 'before'], ['through', 'around']].find(([name]) => s[name!]?.events.length);
      return anchor ? `Paths ${anchor[1]} ${events(s[anchor[0]!], '')}` : 'Paths from the first event';
    }
    case 'sessions':
      return s.holding?.events.length ? `Sessions with ${events(s.holding, '')}` : 'Sessions';
  }
}

/** What an answer is about, and up to when it is complete. */
export function momentOf(answer: Answer, formats: Formats): string {
  return `${rangeOf(answer, formats)} · ${formats.asOf(answer.watermark)}`;
}

/** The same in parts for a file, which may be looked at on another day: with the date. */
export function footOf(answer: Answer, formats: Formats): string[] {
  return [rangeOf(answer, formats), formats.asOf(answer.watermark, Infinity)];
}

function rangeOf({ range }: Answer, formats: Formats): string {
  const own = formats.of(range.timezone);
  return `${own.minute(range.from)} – ${own.minute(range.to)}, ${range.timezone === 'device' ? 'by the clock of each device' : range.timezone}`;
}
