// The little of Markdown that a text card has. It becomes values, never HTML: what somebody writes cannot run here.

export type Inline = { as: 'text' | 'strong' | 'emphasis' | 'code'; text: string } | { as: 'link'; text: string; href: string };
export type Block =
  | { as: 'heading'; level: number; inside: Inline[] }
  | { as: 'paragraph'; inside: Inline[] }
  | { as: 'list'; items: Inline[][] };

export function blocks(text: string): Block[] {
  const out: Block[] = [];
  let lines: string[] = [];
  const end = () => {
    if (lines.length > 0) out.push({ as: 'paragraph', inside: inline(lines.join(' ')) });
    lines = [];
  };
  for (const line of text.split('\n').map((one) => one.trim())) {
    const heading = /^(#{1,3}) +(.+)$/.exec(line);
    const item = /^[-*] +(.+)$/.exec(line);
    if (heading) {
      end();
      out.push({ as: 'heading', level: heading[1]!.length, inside: inline(heading[2]!) });
    } else if (item) {
      end();
      const last = out.at(-1);
      if (last?.as === 'list') last.items.push(inline(item[1]!));
      else out.push({ as: 'list', items: [inline(item[1]!)] });
    } else if (line) lines.push(line);
    else {
      end();
      // An empty line ends a list.
      if (out.at(-1)?.as === 'list') out.push({ as: 'paragraph', inside: [] });
    }
  }
  end();
  return out.filter((block) => block.as !== 'paragraph' || block.inside.length > 0);
}

const marks = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s](?:[^*]*[^*\s])?)\*|\[([^\]]+)\]\(([^()\s]+)\)/g;

export function inline(text: string): Inline[] {
  const out: Inline[] = [];
  const plain = (part: string) => part && out.push({ as: 'text', text: part });
  let from = 0;
  for (const found of text.matchAll(marks)) {
    const [all, code, strong, emphasis, label, href] = found;
    plain(text.slice(from, found.index));
    from = found.index + all.length;
    if (code !== undefined) out.push({ as: 'code', text: code });
    else if (strong !== undefined) out.push({ as: 'strong', text: strong });
    else if (emphasis !== undefined) out.push({ as: 'emphasis', text: emphasis });
    else if (label !== undefined && href !== undefined && safe(href)) out.push({ as: 'link', text: label, href });
    else plain(all);
  }
  plain(text.slice(from));
  return out;
}

/** Whether an address may be a link: another page, a page of ours, or a mail; never code. */
function safe(href: string): boolean {
  return /^(https?:\/\/|mailto:)/i.test(href) || /^\/(?![/\\])/.test(href);
}
