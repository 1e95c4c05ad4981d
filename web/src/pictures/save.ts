// Saving what is shown as a file.

export function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  saveURL(name, url);
  // The browser has read it by the time that a minute is over.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function saveURL(name: string, url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

const styles = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'paint-order', 'font-size', 'font-family', 'dominant-baseline'];

/** Draws an SVG of the page, with the styles that it has there, as a PNG of twice its size. */
export async function svgToPNG(svg: SVGSVGElement, ground: string): Promise<string> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const all = copy.querySelectorAll('*');
  svg.querySelectorAll('*').forEach((node, i) => {
    const style = getComputedStyle(node);
    for (const name of styles) (all[i] as SVGElement).style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [svg.clientWidth * 2, svg.clientHeight * 2];
  const context = canvas.getContext('2d')!;
  context.fillStyle = ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/png');
}

/** A file name out of words. */
export function fileName(words: string, ending: string): string {
  const plain = words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 80);
  return `${plain || 'freshet'}.${ending}`;
}
