// Paints a still on a canvas, with the colours and letters that the page has at the moment.
import { framed, type Caption, type Measure, type Still } from '../lib/still/still';

/** Pixels for one of the page's. */
const ratio = 2;

function letters(family: string, size: number, bold: boolean): string {
  return `${bold ? 650 : 400} ${size}px ${family}`;
}

/** How wide words are in the letters of a node. */
export function measureIn(node: HTMLElement): Measure {
  const family = getComputedStyle(node).fontFamily;
  const context = document.createElement('canvas').getContext('2d')!;
  return (words, size, bold) => {
    context.font = letters(family, size, bold);
    return context.measureText(words).width;
  };
}

/** A still with what is said of it as the address of a PNG; the node is where the page would show it. */
export function paint(inner: Still, caption: Caption, node: HTMLElement): string {
  const still = framed(inner, caption, measureIn(node));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.ceil(still.width * ratio), Math.ceil(still.height * ratio)];
  const context = canvas.getContext('2d')!;
  context.scale(ratio, ratio);
  context.textBaseline = 'middle';
  const family = getComputedStyle(node).fontFamily;
  const probe = node.appendChild(document.createElement('span'));
  const known = new Map<string, string>();
  const colour = (fill: string) => {
    if (!known.has(fill)) {
      probe.style.color = fill;
      known.set(fill, getComputedStyle(probe).color);
    }
    return known.get(fill)!;
  };
  for (const mark of still.marks) {
    if (mark.sort === 'image') {
      context.drawImage(mark.image, mark.x, mark.y, mark.width, mark.height);
      continue;
    }
    context.fillStyle = colour(mark.fill);
    if (mark.sort === 'box') context.fillRect(mark.x, mark.y, mark.width, mark.height);
    else if (mark.sort === 'shape') {
      context.save();
      context.translate(mark.x, mark.y);
      context.scale(mark.width / 10, mark.height / 10);
      context.fill(new Path2D(mark.path));
      context.restore();
    } else {
      context.font = letters(family, mark.size, mark.bold);
      context.textAlign = mark.right ? 'right' : 'left';
      context.fillText(mark.text, mark.x, mark.y + mark.size * 0.725);
    }
  }
  probe.remove();
  const url = canvas.toDataURL('image/png');
  // A browser says so of a canvas that is larger than it can hold.
  if (url === 'data:,') throw new Error(`the picture is too large to be saved: ${canvas.width} × ${canvas.height} pixels`);
  return url;
}

const styles = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'paint-order', 'font-size', 'font-family', 'dominant-baseline'];

/** An SVG of the page as a still, with the styles that it has there. */
export async function ofSVG(svg: SVGSVGElement): Promise<Still> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const all = copy.querySelectorAll('*');
  svg.querySelectorAll('*').forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const name of styles) (all[i] as SVGElement).style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const [width, height] = [svg.clientWidth, svg.clientHeight];
  // Drawn at the size of the file, so that nothing is blurred.
  copy.setAttribute('width', String(width * ratio));
  copy.setAttribute('height', String(height * ratio));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return { width, height, marks: [{ sort: 'image', x: 0, y: 0, width, height, image }] };
}
