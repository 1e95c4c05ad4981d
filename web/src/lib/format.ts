// Numbers in the reader's language; times in the project's zone.

/** Formats for one language and one time zone. Intl objects are dear to make, so they are made once. */
export class Formats {
  private readonly integer: Intl.NumberFormat;
  private readonly decimal: Intl.NumberFormat;
  private readonly short: Intl.NumberFormat;
  private readonly times = new Map<string, Intl.DateTimeFormat>();
  private readonly others = new Map<string, Formats>();
  readonly zone: string;

  constructor(
    zone: string,
    readonly locale?: string,
  ) {
    this.zone = known(zone) ? zone : 'UTC';
    this.integer = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    this.decimal = new Intl.NumberFormat(locale, { maximumSignificantDigits: 6 });
    this.short = new Intl.NumberFormat(locale, { notation: 'compact', maximumSignificantDigits: 3 });
  }

  /** The same in the zone of an answer. What the clock of each device showed comes written as if in UTC. */
  of(zone: string): Formats {
    const named = zone === 'device' ? 'UTC' : zone;
    if (named === this.zone || !known(named)) return this;
    let other = this.others.get(named);
    if (!other) {
      other = new Formats(named, this.locale);
      this.others.set(named, other);
    }
    return other;
  }

  /** A number with all that matters of it; a dash for what is not known. */
  number(value: number | null | undefined): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return '–';
    return Number.isInteger(value) || Math.abs(value) >= 1e6 ? this.integer.format(value) : this.decimal.format(value);
  }

  /** A number for an axis. */
  compact(value: number): string {
    return this.short.format(value);
  }

  /** How much a value changed against an earlier one; empty when that says nothing. */
  change(value: number | null, before: number | null): string {
    if (value === null || before === null || before === 0) return '';
    const share = (value - before) / Math.abs(before);
    return new Intl.NumberFormat(this.locale, {
      style: 'percent',
      maximumFractionDigits: Math.abs(share) < 0.1 ? 1 : 0,
      signDisplay: 'exceptZero',
    }).format(share);
  }

  /** A share of one, in percent. */
  share(value: number | null | undefined): string {
    if (value === null || value === undefined || !Number.isFinite(value)) return '–';
    const digits = Math.abs(value) < 1 ? 1 : 0;
    return new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: digits }).format(value);
  }

  /** A length of time, with one digit after the point where that says something: "1.5 h". */
  span(seconds: number): string {
    const [amount, unit] =
      seconds < 60 ? [seconds, 'second'] : seconds < 3600 ? [seconds / 60, 'minute'] : seconds < 86400 ? [seconds / 3600, 'hour'] : [seconds / 86400, 'day'];
    return new Intl.NumberFormat(this.locale, {
      style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: amount < 10 ? 1 : 0,
    }).format(amount);
  }

  /** A length of time in the unit that reads best. */
  seconds(value: number): string {
    const unit = (n: number, name: string, digits = 0) =>
      new Intl.NumberFormat(this.locale, { style: 'unit', unit: name, maximumFractionDigits: digits, minimumFractionDigits: digits }).format(n);
    if (value < 60) return unit(value, 'second', value < 10 ? 1 : 0);
    if (value < 3600) return unit(value / 60, 'minute');
    if (value < 86400) return unit(value / 3600, 'hour');
    return unit(value / 86400, 'day');
  }

  /** A short time, in ms up to a second. */
  milliseconds(value: number): string {
    if (value >= 1000) return this.seconds(value / 1000);
    return new Intl.NumberFormat(this.locale, {
      style: 'unit', unit: 'millisecond', maximumFractionDigits: value < 10 ? 1 : 0,
    }).format(value);
  }

  /** A number of bytes, in thousands. */
  bytes(value: number): string {
    const names = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
    let i = 0;
    while (value >= 1000 && i < names.length - 1) [value, i] = [value / 1000, i + 1];
    return new Intl.NumberFormat(this.locale, {
      style: 'unit',
      unit: names[i],
      unitDisplay: i === 0 ? 'long' : 'short',
      maximumFractionDigits: i === 0 ? 0 : 1,
    }).format(value);
  }

  /** A country's name for its two letters, or the letters. */
  country(code: string): string {
    return countryName(code, this.locale) ?? code;
  }

  /** Hours, minutes, seconds. */
  clock(time: string): string {
    return this.time(time, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  }

  /** Up to when something is complete, given by its watermark. */
  asOf(watermark: { position: number; time: string; preview?: { since: string } }, now = Date.now()): string {
    const at = (time: string) => (now - new Date(time).getTime() > 12 * 3_600_000 ? this.minute(time) : this.clock(time));
    const complete = watermark.position === 0 ? 'before the first event' : `as of ${at(watermark.time)}`;
    // While the server catches up, what lies between is still to come.
    return watermark.preview ? `${complete}, and since ${at(watermark.preview.since)}` : complete;
  }

  /** Day and time to the second, with the name of the zone. */
  moment(time: string): string {
    return this.time(time, 'moment', { dateStyle: 'medium', timeStyle: 'long' });
  }

  /** Day and minute. */
  minute(time: string): string {
    return this.time(time, 'minute-of-day', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
  }

  /** A day with its weekday. */
  day(time: string): string {
    return this.time(time, 'whole day', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
  }

  /** Day and hour, for the ledger. */
  hour(time: string): string {
    return this.time(time, 'hour', { weekday: 'short', hour: '2-digit', minute: '2-digit' });
  }

  /** The start of a bucket, as short as its interval allows. */
  bucket(time: string, interval: string): string {
    switch (interval) {
      case 'minute':
        return this.time(time, interval, { hour: '2-digit', minute: '2-digit' });
      case 'hour':
        return this.time(time, interval, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
      case 'month':
        return this.time(time, interval, { month: 'short', year: 'numeric' });
      default:
        return this.time(time, 'day', { weekday: 'short', day: 'numeric', month: 'short' });
    }
  }

  private time(time: string, name: string, options: Intl.DateTimeFormatOptions): string {
    const date = new Date(time);
    if (Number.isNaN(date.getTime())) return time;
    let format = this.times.get(name);
    if (!format) {
      format = new Intl.DateTimeFormat(this.locale, { ...options, timeZone: this.zone });
      this.times.set(name, format);
    }
    return format.format(date);
  }
}

function known(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** A value of a breakdown in words. */
export function breakdownName(value: unknown, property: string, locale?: string): string {
  if (value === '$none' || value === null || value === '') return '(not set)';
  if (value === '$other') return '(all others)';
  if (property === '$country' && typeof value === 'string') {
    const name = countryName(value, locale);
    return name ? `${name} (${value})` : value;
  }
  return String(value);
}

function countryName(code: string, locale?: string): string | undefined {
  if (!/^[A-Z]{2}$/.test(code)) return undefined;
  return new Intl.DisplayNames(locale ? [locale] : [], { type: 'region', fallback: 'none' }).of(code);
}
