// Where the nodes and links of paths lie. Layers are columns; heights are in proportion to counts.
import type { PathsAnswer } from '../lib/explore/answers';
import { nodeName } from '../lib/explore/tables';

export type Box = { layer: number; node: number; name: string; sort: string; count: number; x: number; y: number; height: number };
/** The link is the place among the answer's. */
export type Band = { from: Box; to: Box; count: number; path: string; link: number };
export type Flow = { boxes: Box[]; bands: Band[]; width: number; height: number; bar: number };

const bar = 12;
const gap = 10;
/** What is narrower than this cannot be seen, or hit. */
const least = 2;

export function flow(answer: PathsAnswer, column: number, height: number): Flow {
  const most = Math.max(1, ...answer.layers.map((l) => l.nodes.length));
  const room = Math.max(80, height - (most - 1) * gap);
  const scale = room / Math.max(1, answer.paths);
  const boxes: Box[] = [];
  const at = new Map<string, Box>();
  let tallest = 0;
  answer.layers.forEach((layer, l) => {
    let y = 0;
    layer.nodes.forEach((node, n) => {
      const box = {
        layer: layer.step, node: n, name: nodeName(node), sort: node.sort, count: node.count,
        x: l * column, y, height: Math.max(least, node.count * scale),
      };
      boxes.push(box);
      at.set(`${layer.step} ${n}`, box);
      y += box.height + gap;
    });
    tallest = Math.max(tallest, y - gap);
  });
  return { boxes, bands: bands(answer, at, scale), width: Math.max(0, answer.layers.length - 1) * column + bar, height: tallest, bar };
}

function bands(answer: PathsAnswer, at: Map<string, Box>, scale: number): Band[] {
  const out = new Map<Box, number>();
  const into = new Map<Box, number>();
  const sorted = answer.links.map((link, at) => ({ ...link, at })).sort((a, b) => a.step - b.step || a.from - b.from || a.to - b.to);
  return sorted.flatMap((link): Band[] => {
    const [from, to] = [at.get(`${link.step} ${link.from}`), at.get(`${link.step + 1} ${link.to}`)];
    if (!from || !to) return [];
    const thick = Math.max(0.75, link.count * scale);
    const [a, b] = [from.y + (out.get(from) ?? 0), to.y + (into.get(to) ?? 0)];
    out.set(from, (out.get(from) ?? 0) + link.count * scale);
    into.set(to, (into.get(to) ?? 0) + link.count * scale);
    const [x0, x1] = [from.x + bar, to.x];
    const middle = (x0 + x1) / 2;
    const path =
      `M${x0} ${a}C${middle} ${a} ${middle} ${b} ${x1} ${b}` +
      `V${b + thick}C${middle} ${b + thick} ${middle} ${a + thick} ${x0} ${a + thick}Z`;
    return [{ from, to, count: link.count, path, link: link.at }];
  });
}
