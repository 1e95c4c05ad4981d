// SQL laid out in lines. Nothing but white space is changed.

const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_$][\w$]*|\d[\w.]*|\s+|[^\s]/g;

/** Words that begin a line, when they stand in a statement and not within a call. */
const starts = new Set(['FROM', 'WHERE', 'GROUP', 'ORDER', 'HAVING', 'UNION', 'SELECT', 'LEFT', 'ASOF', 'JOIN', 'LIMIT']);

/** Words that a word may follow on the same line though it begins one elsewhere. */
const joined: Record<string, string[]> = { JOIN: ['LEFT', 'ASOF'], SELECT: ['(', ''] };

export function layout(sql: string): string {
  const words = sql.match(token) ?? [];
  let out = '';
  let before = '';
  // For each open parenthesis, whether there is a statement in it.
  const open: boolean[] = [];
  const deep = () => open.filter((statement) => statement).length;
  const line = () => (out = `${out.trimEnd()}\n${'  '.repeat(deep())}`);
  words.forEach((word, i) => {
    if (/^\s/.test(word)) {
      if (!/\n *$/.test(out)) out += ' ';
      return;
    }
    const within = open.at(-1) ?? true;
    if (word === '(') {
      const next = words.slice(i + 1).find((w) => !/^\s/.test(w)) ?? '';
      open.push(next === 'SELECT' || next === 'WITH');
      out += word;
      if (open.at(-1)) line();
    } else if (word === ')') {
      const statement = open.pop();
      if (statement) line();
      out += word;
      before = statement ? 'block' : word;
      return;
    } else {
      if (within && starts.has(word) && out !== '' && !joined[word]?.includes(before)) line();
      out += word;
      // The relations of a WITH begin a line each.
      if (word === ',' && before === 'block' && within) line();
    }
    before = word;
  });
  return out.trim();
}
