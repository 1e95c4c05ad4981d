// The colours of series can be told apart, by people who see colours otherwise too, and stand out from the ground.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Three = [number, number, number];
type Matrix = [Three, Three, Three];

/**
 * What is seen without one of the three sorts of cones, in linear RGB: G. M. Machado, M. M. Oliveira and L. A. F. Fernandes,
 * "A Physiologically-based Model for Simulation of Color Vision Deficiency", IEEE Transactions on Visualization and Computer
 * Graphics 15 (6), 2009, at severity 1.
 */
const eyes: Record<string, Matrix> = {
  everybody: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

const css = readFileSync(new URL('../app.css', import.meta.url), 'utf8');

/** A colour of the page in linear RGB, light and dark. */
function colour(name: string): [Three, Three] {
  const found = new RegExp(`--${name}: light-dark\\(#([0-9a-f]{6}), #([0-9a-f]{6})\\)`).exec(css);
  if (!found) throw new Error(`app.css has no colour ${name}`);
  const linear = (part: number) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return [found[1]!, found[2]!].map((hex) => [0, 2, 4].map((i) => linear(parseInt(hex.slice(i, i + 2), 16) / 255)) as Three) as [Three, Three];
}

const seen = (by: Matrix, [r, g, b]: Three) => by.map((row) => Math.min(1, Math.max(0, row[0] * r + row[1] * g + row[2] * b))) as Three;
const luminance = ([r, g, b]: Three) => 0.2126729 * r + 0.7151522 * g + 0.072175 * b;

/** CIE L*a*b* for D65. */
function lab([r, g, b]: Three): Three {
  const root = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : ((24389 / 27) * t + 16) / 116);
  const x = root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047);
  const y = root(luminance([r, g, b]));
  const z = root((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const degrees = (radians: number) => (radians * 180) / Math.PI;
const cos = (angle: number) => Math.cos((angle * Math.PI) / 180);
const sin = (angle: number) => Math.sin((angle * Math.PI) / 180);

/** The difference of two colours, CIEDE2000; 1 is about the least that is seen. */
function difference([l1, a1, b1]: Three, [l2, a2, b2]: Three): number {
  const bend = (c: number) => Math.sqrt(c ** 7 / (c ** 7 + 25 ** 7));
  const g = 0.5 * (1 - bend((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2));
  const [p1, p2] = [a1 * (1 + g), a2 * (1 + g)];
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
  const hue = (b: number, a: number) => (degrees(Math.atan2(b, a)) + 360) % 360;
  const [h1, h2] = [hue(b1, p1), hue(b2, p2)];
  const turn = c1 * c2 === 0 ? 0 : ((h2 - h1 + 540) % 360) - 180;
  const hues = 2 * Math.sqrt(c1 * c2) * sin(turn / 2);
  const [l, c, h] = [(l1 + l2) / 2, (c1 + c2) / 2, h1 + turn / 2];
  const t = 1 - 0.17 * cos(h - 30) + 0.24 * cos(2 * h) + 0.32 * cos(3 * h + 6) - 0.2 * cos(4 * h - 63);
  const lightness = (l2 - l1) / (1 + (0.015 * (l - 50) ** 2) / Math.sqrt(20 + (l - 50) ** 2));
  const chroma = (c2 - c1) / (1 + 0.045 * c);
  const tone = hues / (1 + 0.015 * c * t);
  const around = ((h + 360) % 360) - 275;
  const rotation = -2 * bend(c) * sin(60 * Math.exp(-((around / 25) ** 2)));
  return Math.sqrt(lightness ** 2 + chroma ** 2 + tone ** 2 + rotation * chroma * tone);
}

describe('the colours of series', () => {
  it('measures differences as CIEDE2000 does', () => {
    // Three pairs of the test data of G. Sharma, W. Wu and E. N. Dalal, 2005.
    expect(difference([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
    expect(difference([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
    expect(difference([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286])).toBeCloseTo(0.6377, 4);
  });

  const series = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`s${n}`));
  const surface = colour('surface');

  it.each(['light', 'dark'])('are told apart by everybody: %s', (theme) => {
    const at = theme === 'light' ? 0 : 1;
    const near = Object.entries(eyes).flatMap(([eye, matrix]) => {
      const all = series.map((both) => lab(seen(matrix, both[at])));
      return all.flatMap((one, i) => all.slice(0, i).map((other, j) => ({ eye, pair: `s${j + 1} s${i + 1}`, by: difference(one, other) })));
    });
    expect(near.filter(({ by }) => by < 12)).toEqual([]);
  });

  it.each(['light', 'dark'])('stand out from the ground, as WCAG 1.4.11 wants it: %s', (theme) => {
    const at = theme === 'light' ? 0 : 1;
    for (const both of series) {
      const [dim, bright] = [luminance(both[at]), luminance(surface[at])].sort((a, b) => a - b) as [number, number];
      expect((bright + 0.05) / (dim + 0.05)).toBeGreaterThanOrEqual(3);
    }
  });
});
